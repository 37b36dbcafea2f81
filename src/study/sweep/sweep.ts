/**
 * Quality against the number of modules dropped: each target by importance, and the baselines that show whether
 * importance was worth measuring (random, deepest first, relative magnitude).
 */
import { displayable, expect, list, orElse, resultOf } from "../../entry/mod.ts";
import { mean, standardError } from "../../measure/mod.ts";
import { type DropOrder, head, type Perplexity, type Profile, type Sweep } from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { studyChecks, type StudyOptions } from "../options.ts";
import { lossDifferences, perplexityGroups } from "../perplexity.ts";
import { aProfile } from "../plan.ts";
import { aCurve, type Curve, curvePlans, stepList, SWEEP_STEPS } from "./curves.ts";

const curvesAndOrders = list(
  orElse(
    (value) => typeof value === "object" && value !== null && "kind" in value,
    resultOf("order"),
    aCurve,
  ),
  "curves",
);

/**
 * Measures quality along curves, by a profile's scores or by existing orders. Finished curves are kept, so an interrupted sweep
 * resumes where it stopped. A step beyond the modules of a curve drops all of them.
 *
 * @example
 * ```ts
 * import { curvesOf, openSeries, profile, sweep } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const importance = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const curves = curvesOf("attention", 1);
 * const result = await sweep(model, importance, curves, [0, 1, 2], { text: "README.md", samples: 2, length: 32 });
 * console.log(result.curves[0].points.map(({ dropped, nll }) => [dropped, nll]));
 * model.close();
 * ```
 */
export async function sweep(
  model: StudyModel | string,
  profile: Profile,
  curves: readonly (Curve | DropOrder)[],
  steps: readonly number[] = SWEEP_STEPS,
  options: StudyOptions = {},
): Promise<Sweep> {
  expect("sweep", "profile", profile, aProfile);
  expect("sweep", "curves", curves, curvesAndOrders);
  expect("sweep", "steps", steps, stepList);
  const plans = curves.map((curve) => curvePlans(profile, curve, steps));
  const run = (model: StudyModel, told: StudyOptions) => perplexityGroups(model, [[noDrop], ...plans], told);
  const [[base], ...results] = await onModel("sweep", model, options, studyChecks, run);
  return displayable({
    ...head("sweep"),
    provenance: base.provenance,
    calibration: profile.provenance,
    curves: curves.map(({ target, by, seed }, c) => ({
      target,
      by,
      seed,
      points: results[c].map((result, i) => ({
        dropped: plans[c][i].order.length,
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
