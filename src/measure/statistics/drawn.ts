/**
 * Estimates a change of accuracy over all documents of a task from a sample, drawn where answers are likely to flip.
 *
 * Of N documents, s is the margin of the right answer under the full model: an answer is right where s > 0, and flips where a plan moves s
 * across 0. A pilot, drawn evenly, shows how far a plan moves margins; with τ, their root mean square, a document flips with a chance of about
 * p = 1 / (1 + exp(1.702 |s| / τ)). The others are drawn with chances π ∝ √(p + p̄ / 4), at most 1, each by itself (Poisson sampling).
 *
 * The pilot is a stratum of its own. Given the pilot, the π are constants, and every other document is drawn with its π. So
 * E[Σ d/π over the drawn | pilot] = Σ d over the others, and (Σ d over the pilot + Σ d/π over the drawn) / N is unbiased given any pilot,
 * and so altogether: a wrong p costs width alone (Horvitz & Thompson 1952, Journal of the American Statistical Association 47).
 *
 * Intervals are about the task that the N documents are a sample of, as in paired.ts. Answers that became right, and those that became wrong,
 * are each a sum of Poisson counts with weights w = 1/π (1 in the pilot), with gamma limits (Fay & Feuer 1997, Statistics in
 * Medicine 16): of the sum's mean and variance Σ w², and above with one flip more. That flip weighs what a document that was asked stands for
 * on average, which is the most if flips are no more frequent where margins are larger. MOVER gives the limits of the difference.
 * Where no answer flipped, an interval can only miss on one side, which gets all of its 5 %.
 *
 * Limits: n documents cannot refute flips at a rate of 3/n that have nothing to do with margins, so no interval is much narrower than 3/n.
 * Where flips have nothing to do with margins, intervals covered 90 % at least (tests/measure/drawn_test.ts).
 */
import { sum } from "../../entry/mod.ts";
import { philox } from "../../tensor/mod.ts";
import type { Interval } from "./paired.ts";
import { mean, studentT95 } from "./statistics.ts";

/** Documents of a task that were drawn. */
export interface Draw {
  /** Number of all documents. */
  readonly of: number;
  /** The chance with which each one was drawn; null for those of the pilot. */
  readonly chances: readonly (number | null)[];
  /** The round in which each one was asked, where the asking ended once verdicts were known (rounds.ts). */
  readonly rounds?: readonly number[] | undefined;
}

/** How answers of a task's documents changed, from those that were drawn. */
export interface DrawnChanges {
  /** Documents that were asked. */
  readonly n: number;
  /** All documents. */
  readonly of: number;
  /** Numbers of documents that each one that became right stands for. */
  readonly gained: readonly number[];
  /** Those of the documents that became wrong. */
  readonly lost: readonly number[];
  /** Number of documents that a flip stands for that none shows. */
  readonly unseen: number;
}

/** Share of documents that flip evenly, whatever their margins are. */
const EVEN = 0.25;
/** Makes the logistic function a normal distribution's share. */
const LOGISTIC = 1.702;
/** Most documents that show how far margins move. */
const PILOT = 32;

/** Two numbers in [0, 1) for a document of a stream. */
function uniform(seed: number, stream: number, document: number, of: 0 | 1): number {
  return philox([document, stream, of, 0], [seed, 0])[0] / 2 ** 32;
}

/** The places of N documents in random order. */
export function shuffled(documents: number, seed: number, stream: number): number[] {
  const places = Array.from({ length: documents }, (_, i) => ({ i, at: uniform(seed, stream, i, 0) }));
  return places.sort((a, b) => a.at - b.at).map(({ i }) => i);
}

/** The places of the pilot among N documents, drawn evenly, in ascending order: 32, or half of those to ask. */
export function pilotOf(documents: number, asked: number, seed: number, stream: number): number[] {
  const count = Math.min(PILOT, Math.ceil(asked / 2));
  return shuffled(documents, seed, stream).slice(0, count).sort((a, b) => a - b);
}

/** The chances of flips [N] by margins [N], of which `moved` pairs those of the pilot with a plan's. */
export function flipChances(
  margins: readonly number[],
  moved: readonly (readonly [full: number, plan: number])[],
): number[] {
  const spread = Math.sqrt(mean(moved.map(([full, plan]) => (plan - full) ** 2)));
  return margins.map((margin) =>
    margin === 0 ? 0.5 : spread === 0 ? 0 : 1 / (1 + Math.exp(LOGISTIC * Math.abs(margin) / spread))
  );
}

/** The chances [n] to draw documents whose answers flip with some chances [n], so that `size` of them are drawn on average. */
export function drawChances(flips: readonly number[], size: number): number[] {
  const even = EVEN * mean(flips) || 1;
  const roots = flips.map((flip) => Math.sqrt(flip + even));
  if (size >= flips.length) return roots.map(() => 1);
  // Those that are drawn for sure are the largest: as many as leave a scale under which all others are below 1.
  const sorted = roots.toSorted((a, b) => b - a);
  let rest = sum(sorted);
  let sure = 0;
  while (sorted[sure] * (size - sure) > rest) rest -= sorted[sure++];
  return roots.map((root) => Math.min(1, root * (size - sure) / rest));
}

/** Chooses among `documents`, places in the task, each with its chance. */
export function drawDocuments(
  chances: readonly number[],
  documents: readonly number[],
  seed: number,
  stream: number,
) {
  return documents.filter((document, i) => uniform(seed, stream, document, 1) < chances[i]);
}

/** Weighs the changes [n] of drawn documents, each −1, 0 or 1, by the documents that they stand for. */
export function drawnChanges({ of, chances }: Draw, changes: readonly number[]): DrawnChanges {
  const n = chances.length;
  const pilot = chances.filter((chance) => chance === null).length;
  const weigh = (wanted: number) =>
    chances.flatMap((chance, i) => changes[i] === wanted ? [1 / (chance ?? 1)] : []);
  return { n, of, gained: weigh(1), lost: weigh(-1), unseen: (of - pilot) / n };
}

/** The difference, with an interval that leaves a share of the standard normal distribution below −z and above z. */
export function drawnLimits({ of, gained, lost, unseen }: DrawnChanges, z: number): Interval {
  const [right, wrong] = [gained, lost].map((weights) => gammaLimits(weights, unseen, z));
  const value = (right.value - wrong.value) / of;
  return {
    value,
    low: Math.max(-1, value - Math.hypot(right.value - right.low, wrong.high - wrong.value) / of),
    high: Math.min(1, value + Math.hypot(right.high - right.value, wrong.value - wrong.low) / of),
  };
}

function gammaLimits(weights: readonly number[], unseen: number, z: number): Interval {
  const [value, variance] = [sum(weights), sum(weights, (weight) => weight ** 2)];
  return {
    value,
    low: value === 0 ? 0 : gammaQuantile(value, variance, -z),
    high: gammaQuantile(value + unseen, variance + unseen ** 2, z),
  };
}

/** A quantile of the gamma distribution of a mean and variance by that of the normal distribution (Wilson & Hilferty 1931, PNAS 17). */
function gammaQuantile(mean: number, variance: number, z: number): number {
  const ninth = variance / (9 * mean ** 2);
  return mean * Math.max(0, 1 - ninth + z * Math.sqrt(ninth)) ** 3;
}

/** The share of documents in which something holds, with its limits. */
export function drawnShare(draw: Draw, holds: readonly boolean[], z: number): Interval {
  const { of, lost: weights, unseen } = drawnChanges(draw, holds.map((holds) => holds ? -1 : 0));
  const { value, low, high } = gammaLimits(weights, unseen, z);
  return { value: value / of, low: low / of, high: Math.min(1, high / of) };
}

/**
 * Weights [n], of sum 1, of a mean over all documents: the pilot's mean and that of the others (Hájek 1971), each counting with the number
 * of even draws that it is worth.
 */
export function meanWeights({ chances }: Draw): number[] {
  const pilot = chances.filter((chance) => chance === null).length;
  const weights = chances.map((chance) => chance === null ? 0 : 1 / chance);
  const total = sum(weights);
  const worth = total ** 2 / (sum(weights, (weight) => weight ** 2) || 1);
  return weights.map((weight) => (weight === 0 ? 1 : worth * weight / total) / (pilot + worth));
}

/** The mean over all documents of values [n] of those that were drawn, with its 95 % interval by Student's t; infinite for a single one. */
export function drawnMean(draw: Draw, values: readonly number[]): Interval {
  const weights = meanWeights(draw);
  const value = sum(weights.map((weight, i) => weight * values[i]));
  const { length: n } = values;
  const variance = n / (n - 1) * sum(weights.map((weight, i) => (weight * (values[i] - value)) ** 2));
  const half = n < 2 ? Infinity : studentT95(n) * Math.sqrt(variance);
  return { value, low: value - half, high: value + half };
}
