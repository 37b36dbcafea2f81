/**
 * Steps of training in the names that checkpoints have: `step1000` (Pythia), `stage1-step1000-tokens5B` (OLMo),
 * `checkpoint-500` (Hugging Face's trainer), `iter_0002384` (Megatron, MAP-Neo). Names of one run differ only in
 * their numbers; of several runs (OLMo's second stage counts from 0 again), the one with the most checkpoints is used.
 */

/** A checkpoint by its name. */
export interface NamedStep {
  readonly name: string;
  /** Optimiser steps so far. */
  readonly step: number;
}

const NAME = /^([\w.-]*?(?:step|checkpoint|ckpt|iter)[-_]?)(\d{1,15})(?:[-_][\w.-]*)?$/i;
/** How many checkpoints are studied by default. */
const MOST = 12;

/** The checkpoints among some names, by step; of several runs the one with the most, and how many others there are. */
export function namedSteps(names: Iterable<string>): { run: NamedStep[]; others: string[] } {
  const runs = new Map<string, Map<number, string>>();
  for (const name of names) {
    const [, stem, digits] = NAME.exec(name) ?? [];
    if (stem === undefined) continue;
    const run = runs.get(stem) ?? new Map<number, string>();
    if (!run.has(Number(digits))) run.set(Number(digits), name);
    runs.set(stem, run);
  }
  const bySize = [...runs.values()].sort((a, b) => b.size - a.size);
  return {
    run: [...bySize[0] ?? []].map(([step, name]) => ({ step, name })).sort((a, b) => a.step - b.step),
    others: bySize.slice(1).flatMap((run) => [...run.values()]),
  };
}

/**
 * The checkpoints of the wanted steps, or at most twelve, evenly spaced on a logarithmic axis, including the first and
 * the last. `series` names them in the `RangeError` for a step that does not exist.
 */
export function chooseSteps<T extends { readonly step: number }>(
  checkpoints: readonly T[],
  wanted: readonly number[] | undefined,
  series: string,
): T[] {
  if (!wanted) return spaced(checkpoints);
  const missing = wanted.find((step) => !checkpoints.some((checkpoint) => checkpoint.step === step));
  if (missing === undefined && wanted.length > 0) {
    return checkpoints.filter(({ step }) => wanted.includes(step));
  }
  const known = checkpoints.map(({ step }) => step);
  throw new RangeError(
    `Cannot study ${series}: ${
      missing === undefined ? "found an empty list of steps" : `step ${missing} is missing`
    }, expected some of ${
      known.length > 40 ? [...known.slice(0, 38), "…", known.at(-1)].join(", ") : known.join(", ")
    }`,
  );
}

function spaced<T extends { readonly step: number }>(checkpoints: readonly T[]): T[] {
  if (checkpoints.length <= MOST) return [...checkpoints];
  const at = checkpoints.map(({ step }) => Math.log1p(step));
  const [first, last] = [at[0], at.at(-1)!];
  const chosen = Array.from({ length: MOST }, (_, i) => {
    const wanted = first + (last - first) * i / (MOST - 1);
    return at.reduce(
      (best, place, k) => Math.abs(place - wanted) < Math.abs(at[best] - wanted) ? k : best,
      0,
    );
  });
  return [...new Set(chosen)].map((k) => checkpoints[k]);
}
