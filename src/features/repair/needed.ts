/**
 * Repaired plans, and the fits that several of them need. A fit on the full model's stream depends on no other, so that each is made once for all plans, in
 * one walk through the model. In sequence, a fit depends on those before it, and plans are repaired one by one.
 */
import { type DropPlan, interval95, isFull } from "core/measure/mod.ts";
import { changedSpec } from "core/run/mod.ts";
import { RefusedRepair } from "core/run/repair/mod.ts";
import { flopsOf } from "core/study/estimate.ts";
import { inTurn, type Span } from "core/study/stage.ts";
import { fitKey, fitPasses, fitsOf, type Repair, type Repairing, repairOf } from "./fits.ts";
import type { Solved } from "./job.ts";
import { order } from "./methods.ts";
import { type Perplexity, riseOver } from "../losses/mod.ts";
import { type Plan, planData, type Provenance } from "core/result/mod.ts";
import { displayable } from "core/entry/mod.ts";
import { sizesOf } from "core/subject/mod.ts";
import type { RunOptions } from "core/study/options.ts";

export type Fits = ReadonlyMap<string, Solved>;

/** What `make` returns, or the refusal of a repair that it throws. */
export function orRefused<T>(make: () => T): T | RefusedRepair {
  try {
    return make();
  } catch (error) {
    if (error instanceof RefusedRepair) return error;
    throw error;
  }
}

/** A plan's repair with its fits; null for a plan that changes nothing. Throws `RefusedRepair`. */
export function solvedIn(way: Repairing, plan: DropPlan, fits: Fits) {
  if (isFull(plan)) return null;
  const repair = repairOf(way, plan);
  return { repair, solved: repair.sites.flatMap((site) => fits.get(fitKey(repair, site)) ?? []) };
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
    const repair = plan && !isFull(plan) ? orRefused(() => repairOf(way, plan)) : null;
    if (!repair || repair instanceof RefusedRepair) continue;
    const sites = repair.sites.filter((site) => seen.size < seen.add(fitKey(repair, site)).size);
    if (unit >= from && sites.length > 0) needed.push({ ...repair, sites });
  }
  if (way.sequential || needed.length === 0) return needed;
  return [{ ...needed[0], sites: needed.flatMap(({ sites }) => sites).sort((a, b) => order(a) - order(b)) }];
}

export async function madeFits(way: Repairing, needed: readonly Repair[], options: RunOptions) {
  const weight = (repair: Repair) => flopsOf(way.model, fitPasses(repair));
  const label = `repairs by ${way.by} of ${way.model.name}`;
  const found = await inTurn(needed, options, async (repair, own) => {
    return (await fitsOf(repair, own)).map((each, i) => [fitKey(repair, repair.sites[i]), each] as const);
  }, { label, weight });
  return new Map(found.flat());
}

type Repaired = NonNullable<Plan["repaired"]>;
export type Fresh = NonNullable<Repaired["fresh"]>;

/** A repair that is no better than the drop on the samples held out of its fit. */
export class WorseRepair extends RefusedRepair {}

/** Why no repair of these samples can be compared with the drop. */
export const NOTHING_HELD_OUT =
  "nothing is held out of a single sample, so that the repair is not compared with the drop";

/** The losses of the full, the dropped and the repaired model, with what the repair saves. */
export function freshOf([full, dropped, repaired]: readonly Perplexity[]): Fresh {
  const { rise: saved, riseError: savedError } = riseOver(dropped, repaired);
  const losses = { full: full.nll, dropped: dropped.nll, repaired: repaired.nll };
  return { samples: full.sums.length, ...losses, saved, savedError };
}

/** Throws `WorseRepair` where the repair saves nothing over the drop, and tells where the samples may only seem to say that it does. */
export function expectBetter({ model: { name }, by }: Repairing, fresh: Fresh, tell: (line: string) => void) {
  const { samples, full, dropped, repaired, saved, savedError } = fresh;
  const ends = interval95(saved, savedError, samples);
  const interval = samples === 1
    ? "one sample has no interval"
    : `95 % interval of what it saves: ${ends.map((end) => end.toFixed(3)).join(" to ")}`;
  const held = samples === 1 ? "the sample" : `the ${samples} samples`;
  const found = `its loss is ${repaired.toFixed(4)} nats per token on ${held} held out`;
  const bare = `the drop's ${dropped.toFixed(4)} (${interval})`;
  if (!(saved > 0)) {
    throw new WorseRepair(
      `Cannot repair ${name} by ${by}: ${found}, expected less than ${bare}; use more samples or another repair`,
    );
  }
  if (ends[0] > 0) return;
  const rise = (nats: number) => `${nats < full ? "−" : "+"}${Math.abs(nats - full).toFixed(3)}`;
  const on = samples === 1 ? "1 held-out sample" : `${samples} held-out samples`;
  tell(`repaired ${rise(repaired)}, dropped ${rise(dropped)} nats on ${on}: too few to tell which is better`);
}

/**
 * The plan, repaired. A map in a module's place keeps the norm before it, so that this is not saved. `provenance` is of the full model on the text that they were fitted on.
 */
export function repairedPlan(
  repair: Repair,
  plan: Plan,
  repaired: DropPlan,
  solved: readonly Solved[],
  provenance: Provenance,
  measured: Pick<Repaired, "fresh" | "rounded" | "file"> = {},
): Plan {
  const { model: { spec }, by, sequential, sites } = repair;
  const [bare, own] = [repair.plan, repaired].map((plan) => sizesOf(changedSpec(spec, plan)).parameters);
  return displayable({
    ...plan,
    ...savedBy(plan, own - bare),
    ...planData(repaired),
    repaired: {
      by,
      sequential,
      provenance,
      sites: sites.map(({ layer, module }, i) => (
        { layer, module, strength: solved[i].strength, left: solved[i].left }
      )),
      ...measured,
    },
  });
}

/** What a plan saves, less the parameters that stay for its repairs. */
function savedBy({ saves }: Plan, added: number): Pick<Plan, "saves"> {
  if (!saves || added === 0) return saves ? { saves } : {};
  const parameters = saves.parameters - added;
  return {
    saves: { ...saves, parameters, parametersShare: saves.parametersShare * parameters / saves.parameters },
  };
}
