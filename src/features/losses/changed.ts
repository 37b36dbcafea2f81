/**
 * The effect of changed values on a model's predictions. A function has no hash, so results of such a run are kept only under a name that
 * the change has. Their provenance says which values were changed in which layers.
 */
import { type Check, func, list, oneOf, phased, record, required, unlessAborted } from "core/entry/mod.ts";
import { type Perplexity, perplexityKind, perplexityOf } from "./result.ts";
import type { Provenance } from "core/result/mod.ts";
import {
  changedSpec,
  LAYER_VALUES,
  type LayerValue,
  reference,
  type Seen,
  segmentsOf,
  valuesProbe,
} from "core/run/mod.ts";
import { leakGuardOver, textOf } from "core/study/text.ts";
import { engineOf, heldOutChecks, reporter, type RunOptions, type StudyOptions } from "core/study/options.ts";
import { freeShared, type Running, type Shared } from "core/study/over.ts";
import { aDrop, dropsIn, type OverPlans } from "core/study/plan.ts";
import { type Over, study } from "core/study/scope.ts";
import { openHead, readsHead, withIds } from "../observe/mod.ts";
import { scoring } from "./scored.ts";

/** A change of values that a function makes while a model runs. */
export interface ValueChange<Name extends LayerValue = LayerValue> {
  /** The values that the function takes, as in `observe`. It may change those that are a stream, or inside attention. */
  readonly values: readonly Name[];
  /** Called for every plan, layer and sample: the run continues with the values that it returns, as in `observe`. */
  readonly by: (seen: Changing<Name>) => unknown;
  /**
   * What it changes in a plan, and as `by` the hash of all that decides the new values: such results are kept and found again. Default: none
   * is kept, since a function has no hash.
   */
  readonly named?: ((plan: number) => NonNullable<Provenance["changed"]>) | undefined;
}

/** The values of one layer and one sample under one plan, by its place in the list; and the sample's tokens. */
export type Changing<Name extends LayerValue> =
  & Seen<Name>
  & { readonly plan: number; readonly ids: Int32Array };

export const aChange: Check = record({
  values: required(list(oneOf(LAYER_VALUES), "values", 1)),
  by: required(func),
  named: func,
}, 'a change of values as { values: ["a"], by: (seen) => ({ … }) }');

/** A change as one plan of a list runs under it. */
export type Changed = { readonly change: ValueChange; readonly plan: number };
type Sums = Pick<Perplexity, "sums"> & { readonly changed: NonNullable<Provenance["changed"]> };
type ChangedTypes = { request: Pick<Perplexity, "provenance">; sums: Sums; result: Perplexity };

const { passes, measure } = scoring(true);
const changing: Over<Changed, ChangedTypes> = {
  result: {
    kind: perplexityKind,
    from: ({ provenance }, { sums, changed }) =>
      perplexityOf({ ...provenance, changed: { ...changed, ...provenance.changed } }, sums),
  },
  origin: ({ change, plan }) => ({ provenance: { changed: change.named?.(plan) ?? {} } }),
  passes,
  async measure(running, options) {
    const { model, blocks, shared } = running;
    const at = phased(null, [1, 2], options);
    // What a function changes is compared with a run of the full model of its own.
    shared.full ??= await reference({
      ...{ model, engine: await engineOf(options), segments: segmentsOf(blocks), signal: options.signal },
      onProgress: reporter("full model", "modules", at(0)),
    });
    return [await underChange(running, (probed) => measure(probed, at(1)), options)];
  },
};

/** Runs a plan while a function changes its values. */
export async function underChange(
  { own: { change, plan }, ...running }: Running<Changed>,
  run: (probed: Running) => Promise<Perplexity["sums"][]>,
  options: RunOptions,
): Promise<Sums> {
  const { model, blocks, requests: [{ provenance: { drop } }] } = running;
  await using lens = readsHead(change.values) ? await openHead(model, drop, options) : undefined;
  const record = changeRecord();
  const see = (seen: Seen<LayerValue>) =>
    unlessAborted(change.by(Object.assign(withIds(seen, blocks), { plan })), options.signal);
  const watched = { readHead: lens?.read, onChange: record.add };
  const probes = [valuesProbe(changedSpec(model.spec, drop).layers, change.values, see, watched)];
  const [sums] = await run({ ...running, own: null, probes });
  return { sums, changed: record.changed() };
}

type ChangedOptions = OverPlans<StudyOptions> & { readonly change: ValueChange };

/** Perplexities of each plan under a change, held against the full model without it. Plans share no run: each is seen by itself. */
export const changedStudy = study<ChangedOptions, Perplexity[]>({
  verb: "measure perplexities",
  label: "changed runs",
  checks: { ...heldOutChecks, plans: required(list(aDrop, "plans")), change: required(aChange) },
  text: (model, options) => textOf(model, options, heldOutChecks),
  async run(scope, model, { plans, change, ...options }) {
    const text = textOf(model, options, heldOutChecks);
    const [title, label] = ["changed runs", "perplexity"].map((name) => `${name} of ${model.name}`);
    const shared: Shared = {};
    const found: Perplexity[] = [];
    try {
      for (const [i, plan] of plans.entries()) {
        const nameOf = () => `plan ${i + 1} of ${plans.length}`;
        const place = { model, text, own: { change, plan: i }, title, label, nameOf, shared };
        const [[result]] = await scope.over(changing, place, [[dropsIn(model, plan)]]);
        found.push(result);
      }
    } finally {
      freeShared(shared);
    }
    const known = found.map((result): Perplexity => ({ ...result }));
    const guard = await leakGuardOver(model, text, [options.text], scope.options);
    return await Array.fromAsync(known, (result, i) => guard(result, [plans[i]]));
  },
});

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
