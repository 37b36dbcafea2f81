/** The step that makes the fits of a sweep's repairs. */
import type { DropPlan } from "../../measure/mod.ts";
import { flopsOf, type Pass } from "../base/estimate.ts";
import { keptOnly } from "../base/options.ts";
import { type Span, type Stage, stage } from "../base/stage.ts";
import { type Step, stepOf } from "../base/study.ts";
import { fitBytes, fitPasses, type Repairing } from "../repair/fits.ts";
import { type Fits, madeFits, neededFits } from "../repair/needed.ts";
import type { UnitPlans } from "./stages.ts";

/** The step that makes the fits of one way to repair; plans are its units, and `likely` stand in for them in the price. */
export function fitStep(
  way: Repairing,
  likely: readonly (DropPlan | undefined)[],
  plansOf: UnitPlans,
): Step<Fits> {
  const all = { from: 0, to: likely.length };
  const passesOf = (span: Span): Pass[] => neededFits(way, likely, span).flatMap(fitPasses);
  const fits: Stage<Fits> = stage({
    unit: "plans",
    units: likely.length,
    cost: (unit) => flopsOf(way.model, passesOf({ from: unit, to: unit + 1 })),
    bytes: (span) => Math.max(0, ...neededFits(way, likely, span).map(fitBytes)),
    async run(span, options) {
      return await madeFits(way, neededFits(way, await plansOf(await keptOnly(options)), span), options);
    },
  });
  return stepOf(passesOf(all), fits);
}
