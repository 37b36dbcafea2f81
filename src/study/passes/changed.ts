/**
 * What a change of a model's values costs in its predictions. The function has no hash, so nothing of such a run is kept or found again,
 * and its provenance says which values it changed in which layers.
 */
import { expect, func, list, oneOf, phases, record, required, within } from "../../entry/mod.ts";
import { type Perplexity, perplexityOf, type Plan } from "../../result/mod.ts";
import {
  changedSpec,
  type DropPlan,
  LAYER_VALUES,
  type LayerValue,
  openLens,
  PREDICTIONS,
  reference,
  score,
  type Seen,
  segmentsOf,
  valuesProbe,
} from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { needOf } from "../base/estimate.ts";
import { leakGuard, withLeaks } from "../base/leak.ts";
import { expectRoom } from "../base/memory.ts";
import { engineOf, HELD_OUT_TEXT, provenance, reporter, type StudyOptions } from "../base/options.ts";
import { dropsIn } from "../base/plan.ts";
import { textOf } from "../base/text.ts";
import { withIds } from "./observe.ts";

/** A change of values that a function makes while a model runs. */
export interface ValueChange<Name extends LayerValue = LayerValue> {
  /** The values that the function takes, as in `observe`. It may change those that are a stream, or inside attention. */
  readonly values: readonly Name[];
  /** Called for every plan, layer and sample: the run goes on with the values that it returns, as in `observe`. */
  readonly by: (seen: Changing<Name>) => unknown;
}

/** The values of one layer and one sample under one plan, by its place in the list; and the sample's tokens. */
export type Changing<Name extends LayerValue> =
  & Seen<Name>
  & { readonly plan: number; readonly ids: Int32Array };

/** Check of it. */
const aChange = record({
  values: required(list(oneOf(LAYER_VALUES), "values", 1)),
  by: required(func),
}, 'a change of values as { values: ["a"], by: (seen) => ({ … }) }');

/** Throws `TypeError` for what is no change of values. */
export function expectChange(verb: string, change: unknown): void {
  expect(verb, "change", change, aChange);
}

/** Perplexities of each plan under a change, held against the full model without it. Plans share no run: each is seen by itself. */
export async function changedPerplexities(
  model: StudyModel,
  plans: readonly (Plan | Partial<DropPlan>)[],
  change: ValueChange,
  options: StudyOptions,
): Promise<Perplexity[]> {
  const drops = plans.map((plan) => dropsIn(model, plan));
  const text = textOf(model, options, HELD_OUT_TEXT);
  const phase = phases(
    `changed runs of ${model.name}`,
    [0, ...[null, ...drops].map(() => 1)],
    options.onProgress,
  );
  await expectRoom(needOf(model, [{ ...text.sizes, plans: drops, head: true, stays: true }]), options);
  const packed = await text.pack(within(options, phase(0)));
  const engine = await engineOf(options);
  const { signal } = options;
  const shared = { model, engine, segments: segmentsOf(packed.blocks), signal };
  const leaks = leakGuard(
    model,
    [{ name: packed.text.name, ids: [packed.blocks.ids] }],
    [options.text],
    options,
  );
  const usesHead = PREDICTIONS.some((name) => change.values.includes(`y.${name}`));
  const lens = usesHead ? await openLens(model, engine, signal) : undefined;
  const modules = (name: string, i: number) => reporter(name, "modules", within(options, phase(i)));
  const results: Perplexity[] = [];
  try {
    const full = await reference({ ...shared, onProgress: modules("full model", 1) });
    try {
      for (const [plan, drop] of drops.entries()) {
        const record = changeRecord();
        const probe = valuesProbe(
          changedSpec(model.spec, drop).layers,
          change.values,
          (seen) => change.by(Object.assign(withIds(seen, packed.blocks), { plan })),
          { readHead: lens?.read, onChange: record.add },
        );
        const [sums] = await score({
          ...shared,
          plans: [drop],
          probes: [probe],
          reference: full,
          onProgress: modules(`plan ${plan + 1} of ${drops.length}`, 2 + plan),
        });
        const origin = { ...await provenance(model, packed, drop, options), changed: record.changed() };
        results.push(withLeaks(perplexityOf(origin, sums), await leaks([plans[plan]])));
      }
    } finally {
      full.free();
    }
  } finally {
    await lens?.release();
  }
  return results;
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
