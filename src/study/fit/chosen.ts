/**
 * The choice of a fit. Many plans are tried on the samples that choose, and one of them may keep the promise by luck. The choice is
 * therefore confirmed on the other samples, smallest plan of its line first, up to the first that does not keep the promise there: tests in a
 * fixed order need no correction for their number (Maurer, Hothorn and Lehmacher 1995; Angelopoulos et al. 2021, arXiv 2110.01052, "fixed
 * sequence testing").
 */
import { planHash, type Verdict } from "../../measure/mod.ts";
import type { Fit } from "../../result/mod.ts";
import type { Cost } from "./aims.ts";
import type { Candidate } from "./candidates.ts";
import type { Trial } from "./search.ts";

/** A candidate that was tried. */
export interface Tried {
  readonly candidate: Candidate;
  readonly cost: Cost;
  readonly keeps: Verdict;
}

/** What a plan saves, by what makes plans larger. */
export function savingOf({ plan: { saves } }: Pick<Candidate, "plan">, saving: Fit["saving"]): number {
  return saving === "parameters" ? saves!.parameters : saves!.kvBytesPerToken;
}

/** The largest plan that keeps the promise; of equally large ones the cheapest. Null if none does. */
export function largest(tried: readonly Tried[], saving: Fit["saving"]): Tried | null {
  const size = ({ candidate }: Tried) => savingOf(candidate, saving);
  const better = (a: Tried, b: Tried) => size(b) - size(a) || a.cost.value - b.cost.value;
  return tried.filter(({ keeps, candidate }) => keeps === "yes" && savingOf(candidate, saving) > 0)
    .sort(better)[0] ?? null;
}

/** The most plans that a choice is confirmed along. */
const STEPS = 8;

/** Numbers on the way to the chosen one, after `begin`, that were not tried: those in between have to be known where it fails. */
export function skipped(chosen: Tried, tried: readonly Tried[], begin: number): Trial[] {
  const { line, dropped } = chosen.candidate;
  const known = new Set(tried.flatMap(({ candidate }) => candidate.line === line ? [candidate.dropped] : []));
  const steps = Math.min(STEPS, dropped - begin);
  return Array.from({ length: steps }, (_, i) => begin + Math.ceil((dropped - begin) * (i + 1) / steps))
    .filter((number) => !known.has(number)).map((dropped) => ({ line, dropped }));
}

/** The plans to confirm, smallest first: those on the way to the chosen one that kept the promise. `before` is the line that its own extends. */
export function pathTo(chosen: Tried, tried: readonly Tried[], before: number | null): Tried[] {
  const { line, dropped } = chosen.candidate;
  return tried
    .filter(({ candidate, keeps }) =>
      keeps === "yes" && candidate.dropped <= dropped &&
      (candidate.line === line || candidate.line === before)
    )
    .sort((a, b) => a.candidate.dropped - b.candidate.dropped || Number(a === chosen) - Number(b === chosen));
}

/** The best other plan of each other line that kept the promise, best first; each plan once. */
export function runnersUp(chosen: Tried, tried: readonly Tried[], saving: Fit["saving"]): Tried[] {
  const seen = new Set([planHash(chosen.candidate.drop)]);
  const others = tried.filter(({ candidate: { line, drop } }) =>
    line !== chosen.candidate.line && seen.size < seen.add(planHash(drop)).size
  );
  const best = [...Map.groupBy(others, ({ candidate }) => candidate.line).values()]
    .flatMap((own) => largest(own, saving) ?? []);
  return best.sort((a, b) => savingOf(b.candidate, saving) - savingOf(a.candidate, saving));
}
