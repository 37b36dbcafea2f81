/** Claims C1 and C2 of the paper next to benchmark tasks: what dropping attention, and what dropping MLPs does to accuracy. */
import { MODULES } from "../../measure/mod.ts";
import { type Evaluation, meanOver } from "../../result/mod.ts";
import {
  accuracyChange,
  type AccuracyCurve,
  accuracyCurves,
  type Dropped,
  fullOf,
  meanAccuracy,
} from "../chart/accuracy.ts";
import { isByImportance } from "../chart/setting.ts";
import { formatPoints, formatPointsRange, formatShare } from "../chart/numbers.ts";
import { type Claim, DROPPING } from "./claims.ts";

/**
 * Returns what every plan by importance costs in mean accuracy, paired over documents, with its 95 % interval and whether it is within the
 * evaluation's margin of the full model: yes, no, or that the documents cannot tell. `plans` are those of the results.
 *
 * @example Not run by tests: it fetches the model and the rows
 * ```ts ignore
 * import { evaluate, makePlan, profile } from "lamina";
 * import { accuracyClaims } from "lamina/figures";
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
  return MODULES.flatMap((kind) => {
    const curve = curves.find((curve) => curve.target === kind && isByImportance(curve));
    return curve ? [{ ...DROPPING[kind], measured: costOf(curve, full) }] : [];
  });
}

function costOf({ points }: AccuracyCurve, full: Evaluation): string {
  const tasks = meanOver(full).map(({ name }) => name);
  const { layers } = full.provenance.model;
  const costs = points.slice(1).map(({ dropped, result }) => {
    const { difference, low, high, verdict } = accuracyChange(result, full);
    return `${dropped} of ${layers}: ${formatPoints(difference)} points (95 %: ${
      formatPointsRange(low, high, " to ")
    }), ${WORDS[verdict]}`;
  });
  const { margin, n } = accuracyChange(points.at(-1)!.result, full);
  return `Mean accuracy over ${tasks.join(", ")} (${n} documents), full model ${
    formatShare(meanAccuracy(full).value)
  }. ${costs.join("; ")}. Equal: within ${
    formatPoints(margin)
  } points (two one-sided tests, p < 0.05); not equal: the 95 % interval lies outside them.`;
}

/** A verdict on the full model and a plan, in words. */
const WORDS = { "yes": "equal", "no": "not equal", "cannot tell": "cannot tell" } as const;
