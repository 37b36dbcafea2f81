/**
 * The fits of a sweep's repairs. A fit on the full model's stream depends on no other, so that each is made once for all plans, in
 * one walk through the model. In sequence, a fit depends on those before it, and plans are repaired one by one.
 */
import { type DropPlan, isFull } from "../../measure/mod.ts";
import { RefusedRepair } from "../../run/mod.ts";
import { flopsOf, type Pass } from "../base/estimate.ts";
import { keptOnly } from "../base/options.ts";
import { inTurn, type Span, type Stage, stage } from "../base/stage.ts";
import { type Step, stepOf } from "../base/study.ts";
import { fitBytes, fitKey, fitsOf, type Repair, type Repairing, repairOf } from "../repair/fits.ts";
import { fitPasses } from "../repair/repair.ts";
import { order } from "../repair/site.ts";
import type { Solved } from "../repair/job.ts";
import type { UnitPlans } from "./stages.ts";

/** Fits by their keys. */
export type Fits = ReadonlyMap<string, Solved>;

/** A plan's repair, or why it is refused; null for a plan that changes nothing. */
export function repairOrNot(way: Repairing, plan: DropPlan): Repair | RefusedRepair | null {
  if (isFull(plan)) return null;
  try {
    return repairOf(way, plan);
  } catch (error) {
    if (error instanceof RefusedRepair) return error;
    throw error;
  }
}

/** The repairs to fit for some of the plans, without the fits that plans before them need too. */
function neededFits(
  way: Repairing,
  plans: readonly (DropPlan | null | undefined)[],
  { from, to }: Span,
): Repair[] {
  const seen = new Set<string>();
  const needed: Repair[] = [];
  for (const [unit, plan] of plans.slice(0, to).entries()) {
    const repair = plan ? repairOrNot(way, plan) : null;
    if (!repair || repair instanceof RefusedRepair) continue;
    const sites = repair.sites.filter((site) => seen.size < seen.add(fitKey(repair, site)).size);
    if (unit >= from && sites.length > 0) needed.push({ ...repair, sites });
  }
  if (way.sequential || needed.length === 0) return needed;
  const sites = needed.flatMap(({ sites }) => sites).sort((a, b) => order(a) - order(b));
  return [{ ...needed[0], sites }];
}

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
      const needed = neededFits(way, await plansOf(await keptOnly(options)), span);
      const weight = (repair: Repair) => flopsOf(way.model, fitPasses(repair));
      const label = `repairs by ${way.by} of ${way.model.name}`;
      const found = await inTurn(needed, options, async (repair, own) => {
        const solved = await fitsOf(repair, own);
        return solved.map((each, i) => [fitKey(repair, repair.sites[i]), each] as const);
      }, { label, weight });
      return new Map(found.flat());
    },
  });
  return stepOf(passesOf(all), fits);
}
