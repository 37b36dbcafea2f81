/**
 * Whether an accuracy falls by more than ε, judged while documents are still asked: exact at whatever moment the asking stops.
 *
 * Rounds ask one document of each task, in random order. With x the mean change of a round's answers, in [−1, 1] and of mean Δ, the wealth
 * W(m) = mean over λ of Π (1 + λ (x − m)), 0 < λ < 1 / (1 + m), of who bets on Δ > m has no drift if Δ = m, and falls if Δ < m. So it ever reaches 1/α
 * with a chance of α at most (Ville 1939; Waudby-Smith & Ramdas 2024, Journal of the Royal Statistical Society B 86). W(−ε) ≥ 20 says "not worse by ε", the
 * bet on Δ < −ε says "worse". The m that neither bet refutes at 2.5 % are an interval that holds at all rounds at once.
 */
import { sum } from "../../entry/mod.ts";
import { philox } from "../../tensor/mod.ts";
import type { Interval } from "./paired.ts";
import { mean } from "./statistics.ts";

/** Changes of a main number's answers, one for each round. */
export type RoundChanges = { readonly rounds: readonly number[] };

/** The places of N documents of a stream in random order. */
export function shuffled(documents: number, seed: number, stream: number): number[] {
  const places = Array.from(
    { length: documents },
    (_, i) => ({ i, at: philox([i, stream, 0, 0], [seed, 0])[0] }),
  );
  return places.sort((a, b) => a.at - b.at).map(({ i }) => i);
}

/** What is bet, as shares of the most that can be. */
const STAKES = [0.05, 0.15, 0.35, 0.6, 0.99];
const LEVEL = 0.05;
const STEPS = 40;

/** Values with the number of times that each came. */
type Counts = readonly (readonly [value: number, times: number])[];

const countsOf = (values: readonly number[]): Counts =>
  [...Map.groupBy(values, (value) => value)].map(([value, all]) => [value, all.length]);

/** log W(m), the wealth of who bets that the mean of values in [−1, 1] is above m. */
function logWealth(counts: Counts, m: number): number {
  const room = Math.max(1 + m, Number.EPSILON); // none is left at the end
  const logs = STAKES.map((stake) =>
    sum(counts, ([value, times]) => times * Math.log1p(stake / room * (value - m)))
  );
  const most = Math.max(...logs);
  return most + Math.log(mean(logs.map((log) => Math.exp(log - most))));
}

const mirrored = (counts: Counts): Counts => counts.map(([value, times]) => [-value, times]);

/** The mean of rounds with its interval, which covers with 95 % at all rounds at once. */
export function roundsInterval(values: readonly number[]): Interval {
  const [counts, value] = [countsOf(values), mean(values)];
  return { value, low: lowest(counts, value), high: 0 - lowest(mirrored(counts), -value) };
}

/** The share of rounds in which something holds, with its interval: half of one more than the mean of 1 and −1. */
export function roundsShare(holds: readonly boolean[]): Interval {
  const { value, low, high } = roundsInterval(holds.map((holds) => holds ? 1 : -1));
  return { value: (1 + value) / 2, low: (1 + low) / 2, high: (1 + high) / 2 };
}

/** The largest m that is refuted from above at 2.5 %; −1 if none is. */
function lowest(counts: Counts, value: number): number {
  let [low, high] = [-1, value];
  for (let i = 0; i < STEPS; i++) {
    const middle = (low + high) / 2;
    if (logWealth(counts, middle) >= Math.log(2 / LEVEL)) low = middle;
    else high = middle;
  }
  return low;
}

/** The p values, good at every stop, of "the mean is not above m" and of "it is not below". */
export function roundsTests(
  values: readonly number[],
  m: number,
): { readonly above: number; readonly below: number } {
  const counts = countsOf(values);
  const p = (log: number) => Math.min(1, Math.exp(-log));
  return { above: p(logWealth(counts, m)), below: p(logWealth(mirrored(counts), -m)) };
}
