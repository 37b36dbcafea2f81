/**
 * From importances to a list of drops: the n lowest, in order (one-shot, as the paper drops).
 *
 * Baselines beside it: relative magnitude, a random order from a seed, and the deepest first.
 */
import { mean, standardError, studentT95 } from "../measure/mod.ts";
import type { Plan, Profile } from "../result/mod.ts";

/** Which modules compete: one kind, or attention and MLP in one list. */
export type Target = Plan["target"];
/** What they are ordered by, lowest first. */
export type Order = Plan["by"];

/** One module and what it was ordered by. */
export type Ranked = Plan["order"][number];

/** All modules of a target, first to drop first. */
export function rank(profile: Profile, target: Target, by: Order = "importance", seed = 0): Ranked[] {
  const kinds = target === "joint" ? ["attention", "mlp"] as const : [target];
  const score = by === "magnitude" ? "relativeMagnitude" : "importance";
  const present = kinds.flatMap((module) =>
    profile[module][score].flatMap((value, layer): Ranked[] =>
      value === null ? [] : [{ module, layer, score: value }]
    )
  );
  switch (by) {
    case "importance":
    case "magnitude":
      return present.sort((a, b) => a.score! - b.score! || b.layer - a.layer);
    case "deepest":
      return present.sort((a, b) => b.layer - a.layer).map((entry) => ({ ...entry, score: null }));
    case "random":
      return shuffled(present, seed).map((entry) => ({ ...entry, score: null }));
  }
}

/** A plan that drops the first `drop` modules. Throws `RangeError` if there are fewer. */
export function makePlan(
  profile: Profile,
  { target, drop, by = "importance", seed = 0 }: { target: Target; drop: number; by?: Order; seed?: number },
): Plan {
  const ranked = rank(profile, target, by, seed);
  if (!Number.isInteger(drop) || drop < 0 || drop > ranked.length) {
    throw new RangeError(`Cannot drop ${drop} of ${target}: expected an integer from 0 to ${ranked.length}`);
  }
  const order = ranked.slice(0, drop);
  const layers = (kind: "attention" | "mlp") =>
    order.filter(({ module }) => module === kind || module === "block").map(({ layer }) => layer);
  return {
    kind: "plan",
    model: profile.provenance.model.name,
    layers: profile.provenance.model.layers,
    target,
    by,
    seed: by === "random" ? seed : null,
    attention: layers("attention"),
    mlp: layers("mlp"),
    order,
  };
}

/** Whether neighbours of a ranking differ by more than the samples scatter (95 %, paired over samples). */
export function distinct(profile: Profile, above: Ranked, below: Ranked): boolean {
  const values = ({ module, layer }: Ranked) =>
    profile.sums[module][layer]!.map((sample) => sample.distance / sample.counted);
  const [a, b] = [values(above), values(below)];
  const differences = a.map((value, i) => value - b[i]);
  const error = standardError(differences);
  return error !== null && Math.abs(mean(differences)) > studentT95(differences.length) * error;
}

/** Fisher–Yates over mulberry32: the same order for the same seed on every machine. */
function shuffled<T>(values: readonly T[], seed: number): T[] {
  const out = [...values];
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}
