/**
 * The effect of changed values on a model's predictions. A function has no hash, so results of such a run are neither kept nor found
 * again, and their provenance says which values the function changed in which layers.
 */
import { type Check, func, list, oneOf, phased, record, required, unlessAborted } from "../../entry/mod.ts";
import { type Perplexity, perplexityOf } from "../../result/mod.ts";
import { changedSpec, LAYER_VALUES, type LayerValue, type Seen, valuesProbe } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { leakGuardOver, textOf } from "../base/text.ts";
import { heldOutChecks, type StudyOptions } from "../base/options.ts";
import { dropsIn, type PlanLike } from "../base/plan.ts";
import { openHead, readsHead, withIds } from "./observe.ts";
import { scored } from "./scored.ts";

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

/** Perplexities of each plan under a change, held against the full model without it. Plans share no run: each is seen by itself. */
export async function changedPerplexities(
  model: StudyModel,
  plans: readonly PlanLike[],
  change: ValueChange,
  options: StudyOptions,
): Promise<Perplexity[]> {
  const drops = plans.map((plan) => dropsIn(model, plan));
  const text = textOf(model, options, heldOutChecks);
  const at = phased(`changed runs of ${model.name}`, [0, 1], options);
  const packed = await text.pack(at(0));
  const guard = await leakGuardOver(model, text, [options.text], options);
  const records = drops.map(changeRecord);
  await using lens = readsHead(change.values) ? await openHead(model, options) : undefined;
  const results = await scored({
    ...{ model, packed, groups: drops.map((drop) => [drop]) },
    nameOf: (plan) => `plan ${plan + 1} of ${plans.length}`,
    probesOf(plan) {
      const see = (seen: Seen<LayerValue>) =>
        unlessAborted(change.by(Object.assign(withIds(seen, packed.blocks), { plan })), options.signal);
      const { layers } = changedSpec(model.spec, drops[plan]);
      return [valuesProbe(layers, change.values, see, { readHead: lens?.read, onChange: records[plan].add })];
    },
    async made(sums, origin, _drop, plan) {
      const changed = { ...origin, changed: records[plan].changed() };
      return await guard(perplexityOf(changed, sums), [plans[plan]]);
    },
  }, at(1));
  return results.flat();
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
