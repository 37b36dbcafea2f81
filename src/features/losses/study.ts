/**
 * What dropping costs in the model's predictions: perplexity, divergence from the full model, top-1 agreement. All plans
 * run as one trie together with the full model, so a sweep costs little more than its deepest branch.
 */
import { mean, type Rise, standardError } from "core/measure/mod.ts";
import { expect, list, required, resultOf } from "core/entry/mod.ts";
import { computedAlike, type RiseInterval, riseOverSamples, type TypesOf } from "core/result/mod.ts";
import { type Perplexity, perplexitySums } from "./result.ts";
import type { DropPlan, LayerValue } from "core/run/mod.ts";
import { heldOutChecks, type StudyOptions } from "core/study/options.ts";
import { leakGuardOver, type Text } from "core/study/text.ts";
import { aDrop, dropsIn, type OverPlans, type PlanLike } from "core/study/plan.ts";
import type { Place } from "core/study/over.ts";
import { type StudyOver, studyOverPlans } from "core/study/study_over.ts";
import { isStandIn, type Scope } from "core/study/scope.ts";
import { runWork } from "core/study/study.ts";
import { onModel, type StudyModel } from "core/subject/mod.ts";
import { aChange, changedStudy, type ValueChange } from "./changed.ts";
import { scoring } from "./scored.ts";

type Measured = Pick<Perplexity, "provenance" | "sums">;

/** Nats per token that `run` loses over `base`, sample by sample. Throws `RangeError` for different texts or engines. */
export function lossDifferences(run: Measured, base: Measured): number[] {
  if (run.provenance.text.hash !== base.provenance.text.hash) {
    throw new RangeError("Cannot pair runs over different texts: expected the same samples");
  }
  if (!computedAlike(run.provenance, base.provenance)) {
    throw new RangeError(
      "Cannot pair runs of different engines, devices or precisions: expected both computed by the same",
    );
  }
  const losses = ({ sums }: Measured) => sums.map(({ nll, tokens }) => nll / tokens);
  const [own, from] = [losses(run), losses(base)];
  return own.map((loss, i) => loss - from[i]);
}

/** The mean rise of the loss in nats per token of `run` over `base`, with its standard error, paired over samples. */
export function riseOver(run: Measured, base: Measured): Rise {
  const rises = lossDifferences(run, base);
  return { rise: mean(rises), riseError: standardError(rises) };
}

/**
 * Measures how much more `run` loses than `base` over the same text. Throws `RangeError` if the samples differ.
 *
 * @example
 * ```ts
 * import { openModel, perplexities } from "lamina";
 * import { paired } from "lamina/figures";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const [full, dropped] = await perplexities(model, [{}, { mlp: [2] }], { text: "README.md", samples: 2, length: 32 });
 * const { rise, low, high } = paired(dropped, full); // nats per token
 * console.log(rise, low, high);
 * ```
 */
export function paired(run: Perplexity, base: Perplexity): RiseInterval {
  expect("pair runs", "run", run, resultOf("perplexity"));
  expect("pair runs", "base", base, resultOf("perplexity"));
  return riseOverSamples(run.sums.length, riseOver(run, base));
}

/**
 * Measures the perplexity of a model under each plan, and returns the results in the plans' order. Where at least 1 % of
 * the text's 13-token sequences occur in the text that a plan was calibrated on, the plan's result says so in `shared`. Throws `TypeError`
 * for a plan made from another model.
 *
 * With `change`, a function changes values while each plan runs, as in `observe`; `kl` and `top1` compare with the full model without
 * the change; `provenance.changed` has the values and layers that were changed. Such results are kept only if the change is `named`, since
 * a function has no hash.
 *
 * @example
 * ```ts
 * import { openModel, perplexities } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const [full, dropped] = await perplexities(model, [{}, { attention: [2] }], { text: "README.md", samples: 2, length: 32 });
 * console.log(full.perplexity, dropped.perplexity, dropped.kl);
 *
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const [without] = await perplexities(model, [{}], { // heads 0 and 2 of layer 3
 *   ...text,
 *   change: {
 *     values: ["mixed"],
 *     by({ layer, mixed: { data, shape: [, heads, size] } }) {
 *       if (layer !== 3) return;
 *       return { mixed: data.map((value, i) => [0, 2].includes(Math.floor(i / size) % heads) ? 0 : value) };
 *     },
 *   },
 * });
 * console.log(without.nll - full.nll, without.provenance.changed);
 * ```
 */
export async function perplexities<const Name extends LayerValue = LayerValue>(
  model: StudyModel | string,
  plans: readonly PlanLike[],
  options: PerplexitiesOptions<Name> = {},
): Promise<Perplexity[]> {
  const { verb, checks, work } = perplexityStudy;
  const all: OverPlans<PerplexitiesOptions> = { ...options as PerplexitiesOptions, plans };
  const either = { ...checks, change: aChange };
  return await onModel(verb, model, all, either, async (model, { change, ...own }) => {
    if (change) return await runWork(await changedStudy.work(model, { ...own, change }), own);
    return await runWork(await work(model, own), own);
  });
}

/** Options of `perplexities`. */
export interface PerplexitiesOptions<Name extends LayerValue = LayerValue> extends StudyOptions {
  /** A change of values that a function makes while each plan runs; default: none. */
  readonly change?: ValueChange<Name> | undefined;
}

const { passes, measure } = scoring(true);
const losing: StudyOver<OverPlans<StudyOptions>, unknown, TypesOf<typeof perplexitySums>> = {
  verb: "measure perplexities",
  says: "measure how well the model predicts a text, with and without the dropped modules",
  checks: { ...heldOutChecks, plans: required(list(aDrop, "plans")) },
  result: perplexitySums,
  passes,
  measure: async (running, options) => (await measure(running, options)).map((sums) => ({ sums })),
  async after(results, { model, text, options: { text: own, plans } }, options) {
    const guard = await leakGuardOver(model, text, [own], options);
    return await Array.fromAsync(results, (result, i) => guard(result, [plans[i]]));
  },
};

export const perplexityStudy = studyOverPlans(losing);

/**
 * Perplexities of groups of plans in the scope of a study, each group one trie: what an interrupted study has finished is kept by group. The
 * full model runs once for all groups, and once for all calls that share `shared`, whose owner frees it.
 */
export async function perplexitiesIn(
  scope: Scope,
  model: StudyModel,
  text: Text,
  groups: readonly (readonly Partial<DropPlan>[])[],
  { label, group, shared }: Readonly<Record<"label" | "group", string>> & Pick<Place<null>, "shared">,
): Promise<Perplexity[][]> {
  const drops = groups.map((plans) => plans.map((plan) => isStandIn(plan) ? plan : dropsIn(model, plan)));
  const last = groups.length - 1;
  const nameOf = (g: number) =>
    last === 0 ? "layers and head" : g === 0 ? "full model's head" : `${group} ${g} of ${last}`;
  const place = { model, text, own: null, label, title: label, isCounted: true, shared, nameOf };
  return await scope.over(losing, place, drops);
}
