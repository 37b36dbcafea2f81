/**
 * What dropping costs in the model's predictions: perplexity, divergence from the full model, top-1 agreement. All plans
 * run as one trie together with the full model, so a sweep costs little more than its deepest branch.
 */
import { planHash } from "../../measure/mod.ts";
import { list, phases, required, sum, usually, within } from "../../entry/mod.ts";
import {
  computedAlike,
  keep,
  keptResult,
  merge,
  type Perplexity,
  perplexityOf,
  type Plan,
  type Provenance,
} from "../../result/mod.ts";
import {
  type DropPlan,
  type LayerValue,
  openReference,
  type Reference,
  score,
  segmentsOf,
  withFull,
} from "../../run/mod.ts";
import { draftOf } from "../base/draft.ts";
import { needOf } from "../base/estimate.ts";
import { expectRoom } from "../base/memory.ts";
import {
  engineOf,
  HELD_OUT_TEXT,
  provenance,
  reporter,
  studyChecks,
  type StudyOptions,
  tellReused,
} from "../base/options.ts";
import { leakGuard, withLeaks } from "../base/leak.ts";
import { aDrop, dropsIn, type OverPlans } from "../base/plan.ts";
import { sampleStage, type Stage } from "../base/stage.ts";
import { runWork, stepOf, type Study } from "../base/study.ts";
import { samplesOf, type Text, textOf, workOver } from "../base/text.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { aChange, changedPerplexities, type ValueChange } from "./changed.ts";
import { twofold, type Weight, weightsOf } from "./stage_weights.ts";

/** Nats per token that `run` loses over `base`, sample by sample. Throws `RangeError` for different texts or engines. */
export function lossDifferences(run: Perplexity, base: Perplexity): number[] {
  if (run.provenance.text.hash !== base.provenance.text.hash) {
    throw new RangeError("Cannot pair runs over different texts: expected the same samples");
  }
  if (!computedAlike(run.provenance, base.provenance)) {
    throw new RangeError(
      "Cannot pair runs of different engines, devices or precisions: expected both computed by the same",
    );
  }
  const losses = ({ sums }: Perplexity) => sums.map(({ nll, tokens }) => nll / tokens);
  const [own, from] = [losses(run), losses(base)];
  return own.map((loss, i) => loss - from[i]);
}

/**
 * Measures the perplexity of a model under each plan, and returns the results in the plans' order. Where at least 1 % of
 * the text's 13-token sequences occur in the text that a plan was calibrated on, the plan's result says so in `shared`. Throws `TypeError`
 * for a plan made from another model.
 *
 * With `change`, a function changes values while each plan runs, as in `observe`; `kl` and `top1` compare with the full model without
 * the change. Such results are computed each time and never kept, since a function has no hash; `provenance.changed` has the values
 * and layers that were changed. The heads of a softmax attention need no function: a plan cuts them (`to: "weights"`, `heads`).
 *
 * @example
 * ```ts
 * import { openModel, perplexities } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const [full, dropped] = await perplexities(model, [{}, { attention: [2] }], { text: "README.md", samples: 2, length: 32 });
 * console.log(full.perplexity, dropped.perplexity, dropped.kl);
 *
 * // Without two heads of layer 3, and with half of attention's update in layer 2.
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const heads = { changes: [{ layer: 3, module: "attention", to: "weights", heads: [0, 2] }] } as const;
 * const [cut] = await perplexities(model, [heads], text);
 * const [halved] = await perplexities(model, [{}], {
 *   ...text,
 *   change: { values: ["a"], by: ({ layer, a }) => layer === 2 ? { a: a.data.map((value) => value / 2) } : undefined },
 * });
 * console.log(cut.nll - full.nll, halved.nll - full.nll, halved.provenance.changed);
 * ```
 */
export async function perplexities<const Name extends LayerValue = LayerValue>(
  model: StudyModel | string,
  plans: readonly (Plan | Partial<DropPlan>)[],
  options: PerplexitiesOptions<Name> = {},
): Promise<Perplexity[]> {
  const { verb, checks, work } = perplexityStudy;
  const all: Asked = { ...options, change: options.change as ValueChange | undefined, plans };
  return await onModel(
    verb,
    model,
    all,
    { ...checks, change: aChange },
    async (model, { change, ...own }) => {
      if (change) return await changedPerplexities(model, own.plans, change, own);
      return await runWork(await work(model, own), own);
    },
  );
}

type Asked = OverPlans<StudyOptions> & Pick<PerplexitiesOptions, "change">;

/** Options of `perplexities`. */
export interface PerplexitiesOptions<Name extends LayerValue = LayerValue> extends StudyOptions {
  /** A change of values that a function makes while each plan runs; default: none. */
  readonly change?: ValueChange<Name> | undefined;
}

/** What `perplexities` consists of. */
export const perplexityStudy: Study<StudyModel, OverPlans<StudyOptions>, Perplexity[]> = {
  verb: "measure perplexities",
  checks: { ...usually(studyChecks, { text: HELD_OUT_TEXT }), plans: required(list(aDrop, "plans")) },
  on: onModel,
  work(model, options) {
    const text = textOf(model, options, HELD_OUT_TEXT);
    const plans = options.plans.map((plan) => dropsIn(model, plan));
    const passes = [{ ...text.sizes, plans: withFull(plans), head: true, stays: true }];
    const scoring = stepOf(passes, perplexityStage(model, text, plans));
    return workOver(model, text, {
      label: `perplexity of ${model.name}`,
      plans: plans.length,
      steps: [scoring],
      async result(runOptions) {
        const results = await scoring.whole(runOptions);
        const { text: { name }, blocks: { ids } } = await text.pack(runOptions);
        const leaks = leakGuard(model, [{ name, ids: [ids] }], [options.text], runOptions);
        return await Array.fromAsync(
          results,
          async (result, i) => withLeaks(result, await leaks([options.plans[i]])),
        );
      },
      depends: { plans },
    });
  },
};

function perplexityStage(model: StudyModel, text: Text, plans: readonly DropPlan[]): Stage<Perplexity[]> {
  const { samples, length } = text.sizes;
  return sampleStage(model, { samples, length, plans, head: true }, {
    async run(span, options) {
      const [results] = await perplexityGroups(model, [plans], options, samplesOf(text, span));
      return results;
    },
    async join(parts, options) {
      const whole: Perplexity[] = [];
      for (const plan of plans.keys()) {
        const merged = merge(parts.map((results) => results[plan]));
        whole.push(await keep("perplexity", merged.provenance, merged, options));
      }
      return whole;
    },
  });
}

/** The full model's streams over a text, for several calls over the same text. */
export interface Shared {
  full?: Reference | undefined;
}

/** Frees what calls have shared. */
export function freeShared(shared: Shared): void {
  shared.full?.free();
  shared.full = undefined;
}

/**
 * The same for groups of plans, each group one trie: what an interrupted study has finished is kept by group. The full
 * model runs once for all groups, and once for all calls that share `beside`, whose owner frees it.
 */
export async function perplexityGroups(
  model: StudyModel,
  groups: readonly (readonly Partial<DropPlan>[])[],
  options: StudyOptions = {},
  text: Text = textOf(model, options, HELD_OUT_TEXT),
  beside?: Shared,
): Promise<Perplexity[][]> {
  const several = groups.length > 1;
  const wanted = groups.map((plans) => plans.map((plan) => dropsIn(model, plan)));
  const label = `${several ? "sweep" : "perplexity"} of ${model.name}`;
  const whole = phases(label, [0, 1], options.onProgress);
  const packed = await text.pack(within(options, whole(0)));
  const known = new Map<string, Perplexity>();
  const origins = new Map<string, Provenance>();
  for (const plan of wanted.flat()) {
    const key = planHash(plan);
    if (origins.has(key)) continue;
    const origin = await provenance(model, packed, plan, options);
    origins.set(key, origin);
    const kept = await keptResult("perplexity", origin, options);
    if (!kept) continue;
    known.set(key, { ...kept, ...perplexityOf(kept.provenance, kept.sums, kept.draft) });
  }
  if (known.size > 0) {
    tellReused(
      options,
      `perplexity of ${model.name}`,
      known.size === 1 ? "1 result" : `${known.size} results`,
    );
  }
  const shared = {
    model,
    engine: await engineOf(options),
    segments: segmentsOf(packed.blocks),
    signal: options.signal,
  };
  const missingOf = (plans: readonly DropPlan[]) =>
    [...new Map(plans.map((plan) => [planHash(plan), plan]))].filter(([key]) => !known.has(key));
  const lacking = wanted.map((plans) => missingOf(plans).map(([, plan]) => plan));
  const own: Shared = beside ?? {};
  // The full model runs beside the first group.
  const first = own.full ? -1 : lacking.findIndex((plans) => plans.length > 0);
  if (first >= 0) lacking[first] = [...withFull(lacking[first])];
  const weights = weightsOf(model, lacking, text.sizes);
  const priceOf = (weights: readonly Weight[]) => weights.map(({ layers, head }) => layers + head);
  const lacked = priceOf(weights);
  const kept = Math.max(0, sum(priceOf(weightsOf(model, wanted, text.sizes))) - sum(lacked));
  const phase = phases(null, [kept, ...lacked], whole(1)); // what is kept is done when the rest begins
  const { samples, length } = packed.blocks;
  const passes = lacking.filter((plans) => plans.length > 0)
    .map((plans, i) => ({ plans, head: true, samples, length, stays: i === 0 }));
  await expectRoom(needOf(model, passes), options);
  try {
    for (const [g, plans] of wanted.entries()) {
      const missing = missingOf(plans);
      if (missing.length === 0) continue;
      own.full ??= openReference();
      const name = nameOf(g, groups.length);
      const report = twofold(reporter(name, "work", within(options, phase(1 + g))), weights[g]);
      const sums = await score({
        ...shared,
        reference: own.full,
        plans: missing.map(([, plan]) => plan),
        onProgress: report.layers,
        onScore: report.head,
      });
      for (const [i, [key]] of missing.entries()) {
        const origin = origins.get(key)!;
        const { draft } = draftOf(model.spec, missing[i][1], length);
        known.set(key, await keep("perplexity", origin, perplexityOf(origin, sums[i], draft), options));
      }
    }
  } finally {
    if (!beside) freeShared(own);
  }
  return wanted.map((plans) => plans.map((plan) => known.get(planHash(plan))!));
}

/** What a group is called: a sweep's are the full model and its curves. */
function nameOf(group: number, groups: number): string {
  if (groups === 1) return "layers and head";
  return group === 0 ? "full model's head" : `curve ${group} of ${groups - 1}`;
}
