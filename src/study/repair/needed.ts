/**
 * The fits that several plans need. A fit on the full model's stream depends on no other, so that each is made once for all plans, in
 * one walk through the model. In sequence, a fit depends on those before it, and plans are repaired one by one.
 */
import { type DropPlan, isFull } from "../../measure/mod.ts";
import { RefusedRepair } from "../../run/mod.ts";
import { flopsOf } from "../base/estimate.ts";
import { inTurn, type RunOptions, type Span } from "../base/stage.ts";
import { fitKey, fitPasses, fitsOf, type Repair, type Repairing, repairOf } from "./fits.ts";
import type { Solved } from "./job.ts";
import { order } from "./site.ts";

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

/** The repairs to fit for some of the plans, without the fits that are known, or that plans before them need too. */
export function neededFits(
  way: Repairing,
  plans: readonly (DropPlan | null | undefined)[],
  { from, to }: Span = { from: 0, to: plans.length },
  known: Fits = new Map(),
): Repair[] {
  const seen = new Set<string>(known.keys());
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

/** Makes fits. */
export async function madeFits(
  way: Repairing,
  needed: readonly Repair[],
  options: RunOptions,
): Promise<Fits> {
  const weight = (repair: Repair) => flopsOf(way.model, fitPasses(repair));
  const label = `repairs by ${way.by} of ${way.model.name}`;
  const found = await inTurn(needed, options, async (repair, own) => {
    const solved = await fitsOf(repair, own);
    return solved.map((each, i) => [fitKey(repair, repair.sites[i]), each] as const);
  }, { label, weight });
  return new Map(found.flat());
}
