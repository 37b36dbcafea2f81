/**
 * Sentences that state numbers of results, made where the results are. A notebook's Markdown is written once and is wrong as
 * soon as its reader changes a size or a model; a reading is an output like a figure, so a rerun prints its own numbers.
 */
import { expect, like } from "../entry/mod.ts";
import type { Causes } from "../result/mod.ts";
import { formatNumber } from "./chart/numbers.ts";
import { correlationSign } from "./chart/told.ts";

/** A value in a reading: a number, a text, a list, an estimate with its interval, or null for a missing value. */
export type ReadingValue =
  | number
  | string
  | null
  | readonly (number | string)[]
  | { readonly difference: number; readonly low: number | null; readonly high: number | null };

/** Words for an interval: wholly below zero, wholly above it, or neither. */
export interface IntervalWords {
  /** The interval is below zero. */
  readonly below: string;
  /** The interval is above zero. */
  readonly above: string;
  /** Default: "cannot be told apart", and "cannot be told from 0" for a correlation. */
  readonly neither?: string;
}

const aTemplate = like("a template, as in reading`…`", Array.isArray);
const anEnd = (value: unknown) => value === null || Number.isFinite(value);
const anInterval = like("an interval with low and high", (value) => {
  const { low, high } = (value ?? {}) as { low?: unknown; high?: unknown };
  return anEnd(low) && anEnd(high);
});

const aCorrelation = like("a correlation of a study of causes", (value) => {
  const { rank, layers } = (value ?? {}) as { rank?: unknown; layers?: unknown };
  return anEnd(rank) && Number.isSafeInteger(layers);
});

/**
 * Returns a sentence with its values as Markdown for `show`. Numbers get three significant digits, an estimate its 95 % interval in
 * brackets, a list commas, an empty one "none", and null "not measured". Throws `RangeError` for a number that is not finite.
 * An indented line of the sentence continues the line before it.
 *
 * @example
 * ```ts
 * import { reading } from "lamina";
 *
 * console.log(reading`Dropping ${8} modules raises the perplexity from ${29.291} to ${45.163}.`);
 * console.log(reading`The loss rises by ${{ difference: 0.0464, low: 0.024, high: 0.068 }} nats per token.`);
 * ```
 */
export function reading(words: TemplateStringsArray, ...values: readonly ReadingValue[]): string {
  expect("read out", "the sentence", words, aTemplate);
  return words.map((word) => word.replace(/\n +/g, " "))
    .reduce((text, word, i) => i === 0 ? word : text + wordsOf(values[i - 1]) + word, "");
}

/**
 * Returns the words that fit a 95 % interval, so that a sentence claims no more than the interval supports. An interval without limits, from a single
 * sample, is neither.
 *
 * @example
 * ```ts
 * import { intervalWords } from "lamina/figures";
 *
 * const change = { difference: -0.011, low: -0.029, high: 0.007 };
 * console.log(intervalWords(change, { below: "gains", above: "loses", neither: "loses nothing that can be measured" }));
 * ```
 */
export function intervalWords(
  interval: { readonly low: number | null; readonly high: number | null },
  { below, above, neither = "cannot be told apart" }: IntervalWords,
): string {
  expect("choose words", "the interval", interval, anInterval);
  const { low, high } = interval;
  if (low === null || high === null) return neither;
  if (high < 0) return below;
  return low > 0 ? above : neither;
}

/**
 * Chooses words by a rank correlation of a study of causes. Two identical orders have no interval: five layers or more correlate
 * then, fewer are neither.
 *
 * @example
 * ```ts
 * import { correlationWords } from "lamina/figures";
 *
 * const found = { rank: -0.45, layers: 30, low: -0.71, high: -0.09 };
 * console.log(correlationWords(found, { below: "falls", above: "rises", neither: "may rise or fall" }));
 * ```
 */
export function correlationWords(
  found: Pick<Causes["correlations"][number], "rank" | "layers" | "low" | "high">,
  { below, above, neither = "cannot be told from 0" }: IntervalWords,
): string {
  expect("choose words", "the correlation", found, aCorrelation);
  return { [-1]: below, 1: above, 0: neither }[correlationSign(found)];
}

function wordsOf(value: ReadingValue): string {
  if (value === null) return "not measured";
  if (typeof value === "string") return value;
  if (typeof value === "number") return finite(value);
  if ("difference" in value) {
    const { difference, low, high } = value;
    if (low === null || high === null) return `${finite(difference)} (no interval from a single sample)`;
    return `${finite(difference)} (${finite(low)} to ${finite(high)})`;
  }
  return value.map(wordsOf).join(", ") || "none";
}

function finite(value: number): string {
  if (!Number.isFinite(value)) {
    throw new RangeError(`Cannot format a number: found ${value}, expected a finite one`);
  }
  return Number.isInteger(value) && Math.abs(value) < 1e9
    ? value.toLocaleString("en-US").replace("-", "−")
    : formatNumber(value);
}
