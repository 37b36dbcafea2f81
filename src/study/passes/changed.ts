/**
 * The effect of changed values on a model's predictions. A function has no hash, so results of such a run are neither kept nor found
 * again, and their provenance says which values the function changed in which layers.
 */
import {
  type Check,
  func,
  list,
  oneOf,
  phases,
  record,
  required,
  unlessAborted,
  within,
} from "../../entry/mod.ts";
import { type Perplexity, perplexityOf, type Plan } from "../../result/mod.ts";
import {
  changedSpec,
  type DropPlan,
  LAYER_VALUES,
  type LayerValue,
  type Lens,
  noDrop,
  openLens,
  PREDICTIONS,
  reference,
  score,
  type ScoreOptions,
  type Seen,
  segmentsOf,
  valuesProbe,
} from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { draftOf } from "../base/draft.ts";
import { needOf } from "../base/estimate.ts";
import { leakGuard, withLeaks } from "../base/leak.ts";
import { expectRoom } from "../base/memory.ts";
import { engineOf, HELD_OUT_TEXT, provenance, reporter, type StudyOptions } from "../base/options.ts";
import { dropsIn } from "../base/plan.ts";
import { textOf } from "../base/text.ts";
import { withIds } from "./observe.ts";
import { twofold, weightsOf } from "./stage_weights.ts";

/** A change of values that a function makes while a model runs. */
export interface ValueChange<Name extends LayerValue = LayerValue> {
  /** The values that the function takes, as in `observe`. It may change those that are a stream, or inside attention. */
  readonly values: readonly Name[];
  /** Called for every plan, layer and sample: the run continues with the values that it returns, as in `observe`. */
  readonly by: (seen: Changing<Name>) => unknown;
}

/** The values of one layer and one sample under one plan, by its place in the list; and the sample's tokens. */
export type Changing<Name extends LayerValue> =
  & Seen<Name>
  & { readonly plan: number; readonly ids: Int32Array };

/** Check of it. */
export const aChange: Check = record({
  values: required(list(oneOf(LAYER_VALUES), "values", 1)),
  by: required(func),
}, 'a change of values as { values: ["a"], by: (seen) => ({ … }) }');

/** Perplexities of each plan under a change, held against the full model without it. Plans share no run: each is seen by itself. */
export async function changedPerplexities(
  model: StudyModel,
  plans: readonly (Plan | Partial<DropPlan>)[],
  change: ValueChange,
  options: StudyOptions,
): Promise<Perplexity[]> {
  const drops = plans.map((plan) => dropsIn(model, plan));
  const text = textOf(model, options, HELD_OUT_TEXT);
  const groups = drops.map((drop) => [drop]);
  const [{ layers }] = weightsOf(model, [[noDrop]], text.sizes);
  const weights = [{ layers, head: 0 }, ...weightsOf(model, groups, text.sizes)];
  const stages = [0, ...weights.map(({ layers, head }) => layers + head)];
  const phase = phases(`changed runs of ${model.name}`, stages, options.onProgress);
  const report = (name: string, i: number) =>
    twofold(reporter(name, "work", within(options, phase(1 + i))), weights[i]);
  await expectRoom(
    needOf(model, groups.map((plans, i) => ({ ...text.sizes, plans, head: true, stays: i === 0 }))),
    options,
  );
  const packed = await text.pack(within(options, phase(0)));
  const { blocks } = packed;
  const run = {
    model,
    engine: await engineOf(options),
    segments: segmentsOf(blocks),
    signal: options.signal,
  };
  const leaks = leakGuard(model, [{ name: packed.text.name, ids: [blocks.ids] }], [options.text], options);
  const results: Perplexity[] = [];
  await withHead(run, change, async (readHead) => {
    const full = await reference({ ...run, onProgress: report("full model", 0).layers });
    try {
      for (const [plan, drop] of drops.entries()) {
        const record = changeRecord();
        const see = (seen: Seen<LayerValue>) =>
          unlessAborted(change.by(Object.assign(withIds(seen, blocks), { plan })), options.signal);
        const { layers } = changedSpec(model.spec, drop);
        const probe = valuesProbe(layers, change.values, see, { readHead, onChange: record.add });
        const { layers: onProgress, head: onScore } = report(`plan ${plan + 1} of ${plans.length}`, 1 + plan);
        const scored = { ...run, plans: [drop], probes: [probe], reference: full, onProgress, onScore };
        const [sums] = await score(scored);
        const origin = { ...await provenance(model, packed, drop, options), changed: record.changed() };
        const { draft } = draftOf(model.spec, drop, blocks.length);
        results.push(withLeaks(perplexityOf(origin, sums, draft), await leaks([plans[plan]])));
      }
    } finally {
      full.free();
    }
  });
  return results;
}

/** Opens the head while `use` runs, where some value is read from it. */
async function withHead(
  { model, engine, signal }: Pick<ScoreOptions, "model" | "engine" | "signal">,
  { values }: ValueChange,
  use: (readHead: Lens["read"] | undefined) => Promise<void>,
): Promise<void> {
  if (!PREDICTIONS.some((name) => values.includes(`y.${name}`))) return await use(undefined);
  const lens = await openLens(model, engine, signal);
  try {
    await use(lens.read);
  } finally {
    await lens.release();
  }
}

/** Notes which values were changed in which layers. */
function changeRecord() {
  const [values, layers] = [new Set<string>(), new Set<number>()];
  return {
    add(layer: number, names: Iterable<string>): void {
      layers.add(layer);
      for (const name of names) values.add(name);
    },
    changed: () => ({
      values: LAYER_VALUES.filter((name) => values.has(name)),
      layers: [...layers].sort((a, b) => a - b),
    }),
  };
}
