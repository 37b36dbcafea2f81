/**
 * The effect of changed values on a model's predictions. A function has no hash, so results of such a run are neither kept nor found
 * again, and their provenance says which values the function changed in which layers.
 */
import { type Check, func, list, oneOf, phased, record, required, unlessAborted } from "core/entry/mod.ts";
import { type Perplexity, perplexityOf } from "./result.ts";
import {
  changedSpec,
  LAYER_VALUES,
  type LayerValue,
  reference,
  type Seen,
  segmentsOf,
  valuesProbe,
} from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { leakGuardOver, textOf } from "core/study/text.ts";
import { expectRoom, needOf } from "core/study/estimate.ts";
import { engineOf, heldOutChecks, provenance, reporter, type StudyOptions } from "core/study/options.ts";
import { freeShared, type Shared } from "core/study/over.ts";
import { dropsIn, type PlanLike } from "core/study/plan.ts";
import { openHead, readsHead, withIds } from "../observe/mod.ts";
import { scoring } from "./scored.ts";

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

export const aChange: Check = record({
  values: required(list(oneOf(LAYER_VALUES), "values", 1)),
  by: required(func),
}, 'a change of values as { values: ["a"], by: (seen) => ({ … }) }');

/** Perplexities of each plan under a change, held against the full model without it if `isCompared`. Plans share no run: each is seen by itself. */
export async function changedPerplexities(
  model: StudyModel,
  plans: readonly PlanLike[],
  change: ValueChange,
  options: StudyOptions,
  isCompared = true,
): Promise<Perplexity[]> {
  const drops = plans.map((plan) => dropsIn(model, plan));
  const text = textOf(model, options, heldOutChecks);
  const { blocks, ...packed } = await text.pack(options);
  const guard = await leakGuardOver(model, text, [options.text], options);
  const passes = drops.map((drop, i) => ({ ...text.sizes, plans: [drop], head: true, stays: i === 0 }));
  await expectRoom(needOf(model, passes), options);
  const at = phased(`changed runs of ${model.name}`, [1, ...drops.map(() => 2)], options);
  const shared: Shared = {};
  const results: Perplexity[] = [];
  try {
    for (const [plan, drop] of drops.entries()) {
      await using lens = readsHead(change.values) ? await openHead(model, drop, options) : undefined;
      const record = changeRecord();
      const see = (seen: Seen<LayerValue>) =>
        unlessAborted(change.by(Object.assign(withIds(seen, blocks), { plan })), options.signal);
      const watched = { readHead: lens?.read, onChange: record.add };
      const probes = [valuesProbe(changedSpec(model.spec, drop).layers, change.values, see, watched)];
      // What a function changes is compared with a run of the full model of its own.
      if (isCompared) {
        shared.full ??= await reference({
          ...{ model, engine: await engineOf(options), segments: segmentsOf(blocks), signal: options.signal },
          onProgress: reporter("full model", "modules", at(0)),
        });
      }
      const origin = await provenance(model, packed, drop, options);
      const name = `plan ${plan + 1} of ${plans.length}`;
      const asked = { requests: [{ provenance: origin }], passes: [passes[plan]], name, probes };
      const [sums] = await scoring(isCompared).measure(
        { model, blocks, own: null, shared, ...asked },
        at(1 + plan),
      );
      results.push(await guard(perplexityOf({ ...origin, changed: record.changed() }, sums), [plans[plan]]));
    }
  } finally {
    freeShared(shared);
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
