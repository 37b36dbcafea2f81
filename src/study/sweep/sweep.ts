/**
 * Quality against the number of modules dropped: each target by several scores, and the baselines that show whether
 * importance was worth measuring (random, deepest first, relative magnitude).
 */
import {
  type Check,
  type Checks,
  displayable,
  list,
  oneOf,
  optionsOf,
  orElse,
  resultOf,
  wholeNumber,
} from "../../entry/mod.ts";
import { mean, planHash, standardError } from "../../measure/mod.ts";
import {
  type DropOrder,
  head,
  ORDERS,
  type Perplexity,
  type Profile,
  type Sweep,
  TARGETS,
} from "../../result/mod.ts";
import { type DropPlan, noDrop } from "../../run/mod.ts";
import { onModel, type StudyModel, textChecks } from "../../subject/mod.ts";
import { bytesOf, flopsOf, type Pass } from "../base/estimate.ts";
import { CALIBRATION_TEXT, HELD_OUT_TEXT, keptOnly, studyChecks } from "../base/options.ts";
import { constraintChecks } from "../orders/constraints.ts";
import { orderStep, plansIn } from "../orders/stages.ts";
import { lossDifferences, perplexityGroups } from "../passes/perplexity.ts";
import { leakGuard, withLeaks } from "../base/leak.ts";
import { aProfile } from "../base/plan.ts";
import { profileStep } from "../passes/profile.ts";
import { type RunOptions, type Stage, stage } from "../base/stage.ts";
import { run, step, type Study } from "../base/study.ts";
import { dependsOn, type Text, textOf } from "../base/text.ts";
import { aCurve, type Curve, curvePlans, stepList } from "./curves.ts";
import { likelyPlans, partsOf, standIn, type SweepOptions, sweepPasses } from "./parts.ts";

export type { SweepOptions };

const hasKind = (value: unknown) => typeof value === "object" && value !== null && "kind" in value;
const curveOrOrder: Check = orElse(hasKind, resultOf("order"), aCurve);
const checks: Checks<SweepOptions> = {
  ...studyChecks,
  ...constraintChecks,
  targets: list(oneOf(TARGETS), "targets", 1),
  by: list(oneOf(ORDERS), "scores", 1),
  upto: wholeNumber(0),
  seed: wholeNumber(0),
  seeds: wholeNumber(0),
  calibration: optionsOf(textChecks),
  steps: stepList,
  profile: aProfile,
  curves: list(curveOrOrder, "curves"),
};

/**
 * Measures quality along curves: the orders that `by` names are made first, unless `curves` holds them. Finished work is kept, so an
 * interrupted sweep resumes where it stopped. A step beyond the modules of a curve drops all of them. Where at least 1 % of the text's
 * 13-token sequences occur in the calibration text, the result says so in `shared`.
 *
 * @example
 * ```ts
 * import { openModel, sweep } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const result = await sweep(model, { ...text, calibration: text, by: ["importance", "loss"], upto: 2 });
 * for (const { by, points } of result.curves) console.log(by, points.map(({ dropped, nll }) => [dropped, nll]));
 * ```
 */
export async function sweep(model: StudyModel | string, options: SweepOptions = {}): Promise<Sweep> {
  return await run(sweepStudy, model, options);
}

/** What `sweep` consists of: a profile, the orders that have to be made, then the plans of the curves. */
export const sweepStudy: Study<StudyModel, SweepOptions, Sweep> = {
  verb: "sweep",
  checks,
  on: onModel,
  work(model, options) {
    const { steps, calibration, ranked, orders } = partsOf(model, options);
    const { profile } = options;
    const text = textOf(model, options, HELD_OUT_TEXT);
    const calibrating = textOf(model, calibration, CALIBRATION_TEXT);
    const profiling = profile
      ? step([], () => Promise.resolve(profile))
      : profileStep(model, calibrating, noDrop);
    const ordering = orders.map((order) => orderStep(model, calibrating, order));
    const plans: PlansOf = async (runOptions) => {
      const importance = await profiling.whole(runOptions);
      const made = await Array.fromAsync(ordering, ({ whole }) => whole(runOptions));
      return [
        importance,
        [...ranked, ...made].map((curve) => ({
          curve,
          plans: curvePlans(importance, curve, steps),
        })),
      ];
    };
    const likely = [
      ...ranked.map((curve) => "kind" in curve ? standIn(curve) : curve),
      ...orders.map(standIn),
    ];
    const passes = sweepPasses(model.spec, text.sizes, likely, steps);
    const units = likely.flatMap((curve) =>
      steps.map((step) => likelyPlans(model.spec, [curve], [step]).flat()[1])
    );
    const sweeping = step(passes, (runOptions) => sweepOf(model, text, plans, runOptions), [
      planStage(model, text, [noDrop, ...units], steps, plans),
    ]);
    return {
      label: `sweep of ${model.name}`,
      model,
      tokens: text.sizes.samples * text.sizes.length,
      plans: [...ordering, sweeping].reduce((sum, step) => sum + plansIn(step), -1), // without the streams' pass
      steps: [...profile ? [] : [profiling], ...ordering, sweeping],
      async result(runOptions) {
        const result = await sweeping.whole(runOptions);
        const [, curves] = await plans(runOptions);
        const { text: { name }, blocks: { ids } } = await text.pack(runOptions);
        const own = [options.text, calibration.text];
        const leaks = leakGuard(model, [{ name, ids: [ids] }], own, runOptions);
        return withLeaks(result, await leaks(curves.flatMap(({ plans }) => plans)));
      },
      async depends(runOptions) {
        const asked = orders.map(({ target, by, seed, upto, protectFirst, protectLast, noNeighbours }) => ({
          ...{ target, by, seed, upto, protectFirst, protectLast, noNeighbours },
        }));
        return {
          ...await dependsOn(model, text, runOptions),
          calibration: await dependsOn(model, calibrating, runOptions),
          curves: { ranked, orders: asked, steps },
        };
      },
    };
  },
};

/** The profile, and each curve with its plans, once what they follow from is there. */
type PlansOf = (options: RunOptions) => Promise<
  [Profile, { readonly curve: Curve | DropOrder; readonly plans: ReturnType<typeof curvePlans> }[]]
>;

/** The full model, then each curve's plans: the units of the last stage. A plan that was there before takes no time. */
function planStage(
  model: StudyModel,
  text: Text,
  likely: readonly (DropPlan | undefined)[],
  steps: readonly number[],
  plansOf: PlansOf,
): Stage {
  const pass = (plans: Pass["plans"]): Pass[] => [{ ...text.sizes, plans, head: true }];
  return stage({
    unit: "plans",
    units: likely.length,
    cost: (unit) => likely[unit] ? flopsOf(model, pass([likely[unit]])) : 0,
    bytes: ({ from, to }) =>
      bytesOf(model, pass(likely.slice(from, to).filter((plan) => plan !== undefined))),
    async run({ from, to }, options) {
      const [, curves] = await plansOf(await keptOnly(options));
      const plans = [noDrop, ...curves.flatMap(({ plans }) => steps.map((_, i) => plans[i] ?? null))];
      const lists = plans.map((plan) => plan && planHash(plan));
      const own = plans.filter((plan, unit) =>
        plan !== null && unit >= from && unit < to && lists.indexOf(lists[unit]) === unit
      );
      if (own.length > 0) await perplexityGroups(model, [own.map((plan) => plan!)], options, text);
    },
  });
}

/** The sweep along all curves. */
async function sweepOf(model: StudyModel, text: Text, plansOf: PlansOf, options: RunOptions): Promise<Sweep> {
  const [profile, curves] = await plansOf(options);
  const groups = [[noDrop], ...curves.map(({ plans }) => plans)];
  const [[base], ...results] = await perplexityGroups(model, groups, options, text);
  return displayable({
    ...head("sweep"),
    provenance: base.provenance,
    calibration: profile.provenance,
    curves: curves.map(({ curve: { target, by, seed }, plans }, c) => ({
      target,
      by,
      seed,
      points: results[c].map((result, i) => ({
        dropped: plans[i].order.length,
        drop: result.provenance.drop,
        nll: result.nll,
        standardError: result.standardError,
        perplexity: result.perplexity,
        kl: result.kl,
        top1: result.top1,
        ...rise(base, result),
      })),
    })),
  });
}

/** Rise of the nll, paired: samples differ far more from each other than a sample from itself with modules dropped. */
export function rise(full: Perplexity, dropped: Perplexity): { rise: number; riseError: number | null } {
  const differences = lossDifferences(dropped, full);
  return { rise: mean(differences), riseError: standardError(differences) };
}
