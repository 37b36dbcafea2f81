/**
 * Two models over the same documents, each of which is answered right or wrong: how much their accuracies differ, and how sure that is.
 *
 * Of n documents, `gained` became right and `lost` became wrong. The difference of the accuracies is δ = (gained − lost) / n; how many
 * changed at all, a share ψ ≥ |δ|, is a nuisance. The test of "δ is at most δ₀" orders what could be seen by Tango's score (1998,
 * Statistics in Medicine 17), and its p value is the exact chance of a score as high, where ψ is the likeliest one under δ₀
 * (the estimated p value of Lloyd & Moldovan 2008, Statistics in Medicine 27). An interval holds every δ₀ that is not refused.
 *
 * Nothing here is a normal distribution or a resampling: both see no scatter where few answers changed, and call that certainty. If none
 * changed, the p value is the exact chance of that, (1 − |δ₀|)ⁿ. As |δ| ≤ ψ, an interval can then only miss on one side, which
 * gets all of its 5 %: ±(1 − 0.05^(1/n)), some ±3/n (Hanley & Lippman-Hand 1983, JAMA 249).
 *
 * So there is no separate rule for small samples, such as Student's t below thirty documents.
 *
 * Limits: the estimated p value is not guaranteed to hold its level. Enumerated over all outcomes, equivalence at the margin was found in
 * 4.9 % at most, and intervals covered 94.7 % at least (tests/core/measure/paired_test.ts). Documents are treated as independent.
 */
import { binomialShare, binomialTail } from "./binomial.ts";

/** How the answers to n documents changed. */
export interface Changes {
  readonly n: number;
  /** Documents that became right. */
  readonly gained: number;
  /** Documents that became wrong. */
  readonly lost: number;
}

/** A number and the limits of its confidence interval. */
export type Interval = { readonly value: number; readonly low: number; readonly high: number };

/** How the answers of one model differ from another's: 1 for right, 0 for wrong, document by document. Throws `RangeError` for none. */
export function changesOf(run: readonly number[], base: readonly number[]): Changes {
  const n = run.length;
  if (n === 0 || base.length !== n) {
    throw new RangeError(
      `Cannot compare answers: found ${n} and ${base.length}, expected equal numbers of at least 1`,
    );
  }
  const changed = run.map((right, i) => right - base[i]);
  const strange = changed.find((change) => change !== 0 && Math.abs(change) !== 1);
  if (strange !== undefined) {
    throw new RangeError(`Cannot compare answers: found a change of ${strange}, expected −1, 0 or 1`);
  }
  const count = (wanted: number) => changed.filter((change) => change === wanted).length;
  return { n, gained: count(1), lost: count(-1) };
}

/** The 95 % interval of the difference of two accuracies. */
export function changeInterval(changes: Changes): Interval {
  return limits(changes, changes.gained + changes.lost === 0 ? 0.05 : 0.025);
}

/** The difference, with an interval that leaves `tail` on each side. */
export function limits({ n, gained, lost }: Changes, tail: number): Interval {
  return {
    value: (gained - lost) / n,
    low: lowest({ n, gained, lost }, tail),
    high: 0 - lowest({ n, gained: lost, lost: gained }, tail), // never −0
  };
}

/**
 * Two one-sided tests (Schuirmann 1987) of whether two accuracies are within ±margin of each other: the larger of the two p values.
 * Below 0.05 they are equivalent at that margin.
 */
export function equivalence({ n, gained, lost }: Changes, margin: number): number {
  return Math.max(
    chanceOfAsHigh({ n, gained, lost }, -margin),
    chanceOfAsHigh({ n, gained: lost, lost: gained }, -margin),
  );
}

/** Documents of which none may change before two models are equivalent at a margin: n with (1 − margin)ⁿ below 0.05. */
export const documentsNeeded = (margin: number): number => Math.ceil(Math.log(0.05) / Math.log1p(-margin));

/** A limit this near to the true one is it; as many steps are taken at most. */
const NEAR = 1e-10;
const STEPS = 100;

/** The smallest difference under which one as high as the observed is not rarer than `tail`: false position (Illinois) on log p. */
function lowest(changes: Changes, tail: number): number {
  const { n, gained, lost } = changes;
  const above = (delta: number) => Math.log(Math.max(chanceOfAsHigh(changes, delta), 1e-300) / tail);
  let high = (gained - lost) / n;
  if (high === -1) return -1;
  let reach = (Math.sqrt(gained + lost) + 2) / n; // some standard errors
  let low = Math.max(-1, high - reach);
  let [aboveHigh, aboveLow] = [above(high), above(low)];
  while (aboveLow >= 0) {
    reach *= 2;
    low = Math.max(-1, high - reach);
    aboveLow = above(low);
  }
  let side = 0;
  for (let i = 0; i < STEPS && high - low > NEAR; i++) {
    const next = (low * aboveHigh - high * aboveLow) / (aboveHigh - aboveLow);
    const found = above(next);
    if (Math.abs(found) < NEAR) return next;
    if (found < 0) {
      [low, aboveLow] = [next, found];
      if (side < 0) aboveHigh /= 2; // the end that stays pulls the next step towards it
    } else {
      [high, aboveHigh] = [next, found];
      if (side > 0) aboveLow /= 2;
    }
    side = Math.sign(found);
  }
  return low;
}

/** Scores nearer to each other than this are the same one, computed from other counts. */
const TIE = 1e-9;

/** The p value of the test that the difference is at most `delta`. */
function chanceOfAsHigh({ n, gained, lost }: Changes, delta: number): number {
  if (delta <= -1) return delta < -1 || lost < n ? 0 : 1;
  const seen = score(n, gained, lost, delta);
  const down = shareLost(n, gained, lost, delta);
  const up = Math.max(0, down + delta) / (1 - down); // of those that are not lost
  // Beyond nine deviations and some, counts of lost documents are rarer than 1e-12.
  const most = 9 * Math.sqrt(n * down * (1 - down)) + 20;
  const last = Math.min(n, Math.ceil(n * down + most));
  let chance = 0;
  let fewest = 0; // gained documents for a score as high; more are needed, the more are lost
  for (let l = Math.max(0, Math.min(lost, Math.floor(n * down - most))); l <= last; l++) {
    while (fewest <= n - l && score(n, fewest, l, delta) < seen - TIE) fewest++;
    if (fewest > n - l) break;
    chance += binomialShare(l, n, down) * binomialTail(fewest, n - l, up);
  }
  return Math.min(1, chance);
}

/** Tango's score: the observed difference less `delta`, in standard errors under it. */
function score(n: number, gained: number, lost: number, delta: number): number {
  const above = gained - lost - n * delta;
  const variance = 2 * shareLost(n, gained, lost, delta) + delta * (1 - delta);
  return variance > 0 ? above / Math.sqrt(n * variance) : 0;
}

/** The likeliest share of lost documents if the difference is `delta`. */
function shareLost(n: number, gained: number, lost: number, delta: number): number {
  const half = ((2 * n - gained + lost) * delta - gained - lost) / 2;
  const root = Math.sqrt(half * half + 2 * n * lost * delta * (1 - delta));
  return Math.max(0, -delta, (root - half) / (2 * n));
}
