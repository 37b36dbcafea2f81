/**
 * Quality against the number of modules dropped: each target by several scores, and the baselines that show whether
 * importance was worth measuring (random, deepest first, relative magnitude).
 */
import {
  type Check,
  type Checks,
  displayable,
  eachOf,
  list,
  oneOf,
  option,
  orElse,
  resultOf,
  sum,
  wholeNumber,
} from "core/entry/mod.ts";
import { isFull, MODULES, outsizedLayers, REPAIRS } from "core/measure/mod.ts";
import { constraintChecks, constraintsOf, type DropOrder, orderStep, plansIn } from "../orders/mod.ts";
import { head, ORDERS, type Plan, TARGETS } from "core/result/mod.ts";
import { type Sweep, sweepKind } from "./result.ts";
import { onModel, type StudyModel } from "core/subject/mod.ts";
import { heldOutChecks, type RunOptions } from "core/study/options.ts";
import { dependsOn, leakGuardOver, reading, type Text, textOf } from "core/study/text.ts";
import { run, type Study } from "core/study/study.ts";
import { aCurve, type Curve, curvePlans, stepList, SWEEP_STEPS } from "./curves.ts";
import { curvesStep, type RepairedCurve, repairsOf } from "./repairs.ts";
import {
  calibrated,
  calibratedChecks,
  type CalibratedOptions,
  likelyPlans,
  partsOf,
  standIn,
  type SweepOptions,
  sweepPasses,
} from "./parts.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import { lossDifferences, perplexityGroups, riseOver } from "../losses/mod.ts";

export type { CalibratedOptions, SweepOptions };

const hasKind = (value: unknown) => typeof value === "object" && value !== null && "kind" in value;
const curveOrOrder: Check = orElse(hasKind, resultOf("order"), aCurve);
const checks: Checks<SweepOptions> = {
  ...heldOutChecks,
  ...constraintChecks,
  targets: list(oneOf(TARGETS), "targets", 1),
  upto: option(wholeNumber(0), "<n> drop at most this many modules", `${SWEEP_STEPS.at(-1)}, or all`),
  by: option(list(oneOf(ORDERS), "scores", 1), "<orders> orders to compare", "importance and baselines"),
  repair: option(
    list(oneOf(REPAIRS), "repairs"),
    "<repairs> add a line for each repair of the dropped modules",
  ),
  ...calibratedChecks,
  seeds: wholeNumber(0),
  steps: stepList,
  curves: list(curveOrOrder, "curves"),
};

/**
 * Measures quality along curves: the orders that `by` names are made first, unless `curves` holds them. Finished work is kept, so an
 * interrupted sweep resumes where it stopped. A step beyond the modules of a curve drops all of them. Where at least 1 % of the text's
 * 13-token sequences occur in the calibration text, the result says so in `shared`.
 *
 * With `repair`, each curve comes again with its dropped modules repaired. One-shot fits do not depend on each other and are made once for
 * all plans; sequential ones are made plan by plan, and take as many times longer. A number whose repair is refused has no point, and a
 * notice says why.
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
  isDivisible: true,
  checks,
  on: onModel,
  work(model, options) {
    const { calibration, calibrating, profiling, ways } = calibrated(model, options);
    const { steps, ranked, orders } = partsOf(model, options, calibration);
    const text = textOf(model, options, heldOutChecks);
    const ordering = orders.map((order) => orderStep(model, calibrating, order));
    const curvesOf = async (runOptions: RunOptions): Promise<Planned[]> => {
      const importance = await profiling.whole(runOptions);
      const made = await Array.fromAsync(ordering, ({ whole }) => whole(runOptions));
      return [...ranked, ...made].map((curve) => ({ curve, plans: curvePlans(importance, curve, steps) }));
    };
    const plansOf = async (runOptions: RunOptions) => (await curvesOf(runOptions)).map(({ plans }) => plans);
    const likely = [
      ...ranked.map((curve) => "kind" in curve ? standIn(curve) : curve),
      ...orders.map(standIn),
    ];
    const units = likely.flatMap((curve) =>
      steps.map((step) => likelyPlans(model.spec, [curve], [step]).flat()[1])
    );
    const passes = (sizes: Text["sizes"]) => sweepPasses(model.spec, sizes, likely, steps, ways.length);
    const swept = { ways, steps, likely: units, passes, plansOf };
    const repairs = ways.length > 0 ? repairsOf(swept) : null;
    const repaired = async (runOptions: RunOptions) => await repairs?.curves(runOptions) ?? [];
    const sweeping = curvesStep(model, swept, text, repaired, async (runOptions): Promise<Sweep> => {
      const calibrated = await profiling.whole(runOptions);
      const lines = linesOf(await curvesOf(runOptions), await repaired(runOptions));
      tellNotes(model, lines, runOptions);
      const drawn = lines.filter(({ plans, repair }) => plans.length > 0 || !repair);
      const naming = { label: `sweep of ${model.name}`, group: "curve" };
      const groups = [[noDrop], ...drawn.map(({ plans }) => plans.map(({ plan }) => plan))];
      const [[base], ...results] = await perplexityGroups(model, groups, runOptions, text, undefined, naming);
      return displayable({
        ...head(sweepKind),
        provenance: base.provenance,
        calibration: calibrated.provenance,
        outsized: eachOf(MODULES, (kind) => outsizedLayers(calibrated[kind].largestRelativeMagnitude)),
        ...await repairs?.origin(runOptions),
        curves: drawn.map(({ curve: { target, by, seed }, repair, plans }, c) => ({
          target,
          by,
          seed,
          ...repair ? { repair } : {},
          points: results[c].map((result, i) => {
            const { kind: _, method: _method, tokens: _tokens, sums: _sums, ...numbers } = result;
            const { provenance: { drop }, ...own } = numbers;
            const rises = lossDifferences(result, base);
            return { dropped: plans[i].dropped, drop, ...own, ...riseOver(result, base), rises };
          }),
        })),
      });
    });
    return {
      ...{ model, text, label: `sweep of ${model.name}` },
      plans: sum([...ordering, sweeping], plansIn),
      steps: [reading(text), profiling, ...ordering, ...repairs?.steps ?? [], sweeping],
      async result(runOptions) {
        const result = await sweeping.whole(runOptions);
        const guard = await leakGuardOver(model, text, [options.text, calibration.text], runOptions);
        const dropping = (await plansOf(runOptions)).flat();
        const first = dropping.find((plan) => !isFull(plan));
        const { repaired } = result;
        const fitted = first && repaired
          ? [{ ...first, repaired: { by: ways[0].by, provenance: repaired } }]
          : [];
        return await guard(result, [...dropping, ...fitted]);
      },
      async depends(runOptions) {
        const asked = orders.map(({ target, by, seed, upto, ...order }) => (
          { target, by, seed, upto, ...constraintsOf(order) }
        ));
        return {
          calibration: await dependsOn(model, calibrating, runOptions),
          curves: { ranked, orders: asked, steps },
          ...await repairs?.depends(runOptions),
        };
      },
    };
  },
};

interface Planned {
  readonly curve: Curve | DropOrder;
  readonly plans: readonly Plan[];
}

/** A line: a curve, or a curve under a repair, with what people should know of it. */
interface Line {
  readonly curve: Curve | DropOrder;
  readonly repair?: RepairedCurve["repair"];
  readonly plans: readonly { readonly dropped: number; readonly plan: Partial<DropPlan> }[];
  readonly notes: readonly string[];
}

/** Each curve, then the same under each repair; of a line where nothing could be repaired, the notes alone. */
function linesOf(curves: readonly Planned[], repaired: readonly (readonly RepairedCurve[])[]): Line[] {
  return curves.flatMap(({ curve, plans }, c): Line[] => {
    const dropped = plans.map(({ order }) => order.length);
    return [
      { curve, plans: plans.map((plan, i) => ({ dropped: dropped[i], plan })), notes: [] },
      ...repaired.map((own): Line => {
        const { repair, plans: made, notes } = own[c];
        const kept = made.flatMap((plan, i) => plan ? [{ dropped: dropped[i], plan }] : []);
        return {
          curve,
          repair,
          plans: kept.some(({ dropped }) => dropped > 0) ? kept : [],
          notes: [...Map.groupBy(notes, ({ why }) => why)].map(([why, own]) => {
            const at = own.map(({ at }) => dropped[at]).join(", ");
            return `${own[0].refused ? `has no point at ${at}` : `at ${at}`}: ${why}`;
          }),
        };
      }),
    ];
  });
}

/** Tells why lines lack points, each reason once, and which repairs may be no better than the drop. */
function tellNotes({ name }: StudyModel, lines: readonly Line[], { onNotice }: RunOptions): void {
  for (const { curve: { target, by, seed }, repair, notes } of lines) {
    const order = seed === null ? by : `${by}, seed ${seed}`;
    for (const note of notes) {
      onNotice?.(`sweep of ${name}: ${target} by ${order}, repaired by ${repair!.by}, ${note}`);
    }
  }
}
