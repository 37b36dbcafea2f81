/** Claims C1 and C2 of the paper next to benchmark tasks: what dropping attention, and what dropping MLPs does to accuracy. */
import type { Evaluation } from "../../result/mod.ts";
import {
  accuracyChange,
  type AccuracyCurve,
  accuracyCurves,
  type Dropped,
  fullOf,
  meanAccuracy,
} from "../chart/accuracy.ts";
import { formatFixed, formatShare } from "../chart/numbers.ts";
import type { Claim } from "./claims.ts";

/** Below it, a test counts. */
const LEVEL = 0.05;

/**
 * What every plan by importance costs in mean accuracy, paired over documents, with its 95 % interval and whether it is as good as
 * nothing: two one-sided tests at the evaluation's margin. `plans` are those of the results.
 *
 * @example Not run by tests: it fetches the model and the rows
 * ```ts ignore
 * import { accuracyClaims, evaluate, makePlan, profile } from "lamina";
 *
 * const importance = await profile("smollm2-135m");
 * const plans = [{}, makePlan(importance, { target: "attention", drop: 4 })];
 * const results = await evaluate("smollm2-135m", plans, { tasks: ["piqa", "arc_easy"], limit: 100 });
 * console.log(accuracyClaims(results, plans)[0].measured);
 * ```
 */
export function accuracyClaims(results: readonly Evaluation[], plans: readonly Dropped[]): Claim[] {
  const curves = accuracyCurves(results, plans);
  const full = fullOf(results);
  const measured = (target: "attention" | "mlp") => {
    const curve = curves.find((one) => one.target === target && one.by === "importance");
    return curve ? costOf(curve, full) : null;
  };
  const claims = [
    {
      id: "C1",
      claim:
        "A large portion of the attention modules is redundant and can go without degrading performance.",
      measured: measured("attention"),
    },
    {
      id: "C2",
      claim: "Dropping MLP modules impairs the model severely; performance collapses.",
      measured: measured("mlp"),
    },
  ];
  return claims.flatMap(({ measured, ...claim }) => measured === null ? [] : [{ ...claim, measured }]);
}

function costOf({ points }: AccuracyCurve, full: Evaluation): string {
  const tasks = Object.keys(full.tasks);
  const { layers } = full.provenance.model;
  const told = points.slice(1).map(({ dropped, result }) => {
    const { difference, low, high, equivalence } = accuracyChange(result, full);
    const equal = equivalence !== null && equivalence < LEVEL;
    return `${dropped} of ${layers}: ${inPoints(difference)} points (95 %: ${inPoints(low)} to ${
      inPoints(high)
    })${equal ? ", equal" : ""}`;
  });
  const { margin, n } = accuracyChange(points.at(-1)!.result, full);
  return `Mean accuracy over ${tasks.join(", ")} (${n} documents), full model ${
    formatShare(meanAccuracy(full).value)
  }. ${told.join("; ")}. Equal: within ${inPoints(margin)} points (two one-sided tests, p < ${LEVEL}).`;
}

/** Points of a share: 0.012 → "1.2". */
const inPoints = (share: number) => formatFixed(100 * share, 1);
