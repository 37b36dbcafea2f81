/** Scores that one measurement gives to all candidates; random and deepest have none. */
import { phases, within } from "../../entry/mod.ts";
import type { Profile } from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import type { StudyOptions } from "../base/options.ts";
import { profileBlocks } from "../passes/profile.ts";
import { dropOfEntries } from "./candidates.ts";
import type { Entry } from "./constraints.ts";
import { moduleDistances, windowDistances } from "./distances.ts";
import { gateNorms } from "./gate_norm.ts";
import { type Loss, openLosses } from "./losses.ts";
import type { Request } from "./search.ts";

/** What was measured. */
interface Scores {
  /** Of the full model, where losses were measured. */
  readonly nll: number | null;
  /** In the order of the entries; null for a baseline. */
  readonly scores: readonly number[] | null;
}

/** Measures what a request is ordered by. */
export async function scoresOf(
  model: StudyModel,
  packed: Packed,
  { by, target, upto, provenance }: Request,
  entries: readonly Entry[],
  options: StudyOptions,
): Promise<Scores> {
  const of = (scores: readonly number[] | null): Scores => ({ nll: null, scores });
  switch (by) {
    case "gate-norm": {
      const norms = await gateNorms(model, options);
      return of(entries.map(({ layer }) => norms[layer]!));
    }
    case "loss":
    case "kl":
      return await lossesOf(model, packed, entries, by, options);
    case "importance":
    case "magnitude":
      if (target !== "consecutive") {
        const profile = await profileBlocks(model, packed.blocks, provenance, model.name, options);
        return of(entries.map((entry) => profiled(profile, entry, by)));
      }
      break;
    case "angular":
    case "angular-last":
      break;
    default:
      return of(null);
  }
  const last = by === "angular-last";
  const sums = target === "consecutive"
    ? await windowDistances(model, packed.blocks, entries, upto, last, options)
    : (await moduleDistances(model, packed.blocks, entries, options))[last ? "last" : "all"];
  const key = by === "importance" ? "distance" : by === "magnitude" ? "magnitude" : "angle";
  return of(sums.map((sum) => sum[key] / sum.counted));
}

function profiled(profile: Profile, { module, layer }: Entry, by: "importance" | "magnitude"): number {
  return profile[module][by === "importance" ? "importance" : "relativeMagnitude"][layer]!;
}

/** Of the model without each entry; entries of one size are one trie, the first with the full model. */
async function lossesOf(
  model: StudyModel,
  packed: Packed,
  entries: readonly Entry[],
  by: "loss" | "kl",
  options: StudyOptions,
): Promise<Scores> {
  const groups = [...Map.groupBy(entries, ({ size }) => size).values()];
  const phase = phases(null, groups.map(({ length }) => length), options.onProgress);
  const losses = openLosses(model, packed, by === "kl" ? "divergence" : "loss", options);
  const measured: Loss[] = [];
  try {
    for (const [g, group] of groups.entries()) {
      const plans = group.map((entry) => dropOfEntries(model.spec, [entry]));
      measured.push(...await losses.of(g === 0 ? [noDrop, ...plans] : plans, within(options, phase(g))));
    }
  } finally {
    losses.free();
  }
  const [{ nll }, ...rest] = measured;
  return { nll, scores: rest.map((loss) => by === "kl" ? loss.kl : loss.nll - nll) };
}
