/** The plans of trials: as their lines have them, or repaired. */
import { planHash } from "../../measure/mod.ts";
import { type Plan, type Sizes } from "../../result/mod.ts";
import { type DropPlan, noDrop, RefusedRepair } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { provenance } from "../base/options.ts";
import { dropsIn } from "../base/plan.ts";
import type { RunOptions } from "../base/stage.ts";
import { kvBytesOf } from "../orders/sizes.ts";
import { sizesOf } from "../../subject/mod.ts";
import { fitKey, type Repairing } from "../repair/fits.ts";
import { type Fits, madeFits, neededFits, repairOrNot } from "../repair/needed.ts";
import { repairedPlan } from "../repair/repaired.ts";
import type { Line } from "./lines.ts";
import type { Trial } from "./search.ts";

/** A plan of a line. */
export interface Candidate extends Trial {
  readonly plan: Plan;
  readonly drop: DropPlan;
  /** Bytes of keys and values of `context` tokens that it saves. */
  kvBytes(context: number): number;
}

/** Makes the plans of trials; null where a repair is refused. Fits that earlier rounds made are not made again. */
export type Maker = (round: readonly Trial[], options: RunOptions) => Promise<(Candidate | null)[]>;

/** The maker of a model's lines; `ways` holds the way to repair of each line, null for none. */
export function candidateMaker(
  model: StudyModel,
  lines: readonly Line[],
  ways: readonly (Repairing | null)[],
): Maker {
  const sizes = sizesOf(model.spec);
  const fits = new Map<Repairing, Fits>();
  const told = new Set<string>();
  return async (round, options) => {
    const bare = round.map(({ line, dropped }) => lines[line].planOf(dropped));
    const drops = bare.map((plan) => dropsIn(model, plan));
    for (const way of new Set(ways)) {
      if (!way) continue;
      const known = fits.get(way) ?? new Map();
      const own = drops.filter((_, i) => ways[round[i].line] === way);
      const needed = neededFits(way, own, undefined, known);
      if (needed.length > 0) fits.set(way, new Map([...known, ...await madeFits(way, needed, options)]));
    }
    return await Promise.all(round.map(async (trial, i): Promise<Candidate | null> => {
      const way = ways[trial.line];
      try {
        const plan = way ? await repaired(way, bare[i], drops[i], fits.get(way)!, options) : bare[i];
        return candidate(trial, plan, dropsIn(model, plan), bare[i], sizes);
      } catch (error) {
        if (!(error instanceof RefusedRepair)) throw error;
        if (told.size < told.add(error.message).size) options.onNotice?.(error.message);
        return null;
      }
    }));
  };
}

function candidate(trial: Trial, plan: Plan, drop: DropPlan, bare: Plan, sizes: Sizes): Candidate {
  return { ...trial, plan, drop, kvBytes: (context) => kvBytesOf(bare.attention, sizes, context) };
}

async function repaired(
  way: Repairing,
  plan: Plan,
  drop: DropPlan,
  fits: Fits,
  options: RunOptions,
): Promise<Plan> {
  const repair = repairOrNot(way, drop)!;
  if (repair instanceof RefusedRepair) throw repair;
  const { model, text } = way;
  const solved = repair.sites.flatMap((site) => fits.get(fitKey(repair, site)) ?? []);
  const origin = await provenance(model, await text.pack(options), noDrop, options);
  return repairedPlan(repair, plan, solved, origin);
}

/** Candidates without those whose plan an earlier one has. */
export function distinctOf(candidates: readonly Candidate[]): Candidate[] {
  return [...new Map(candidates.toReversed().map((one) => [planHash(one.drop), one])).values()].toReversed();
}
