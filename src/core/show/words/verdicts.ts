/** What samples decide, in words: signs, counts and changes with their intervals, and what stays open. No other file knows how a verdict reads. */
import { type Check, expect, record, required, string } from "../../entry/mod.ts";
import { type Interval, interval95, rankInterval, type Rise } from "../../measure/mod.ts";
import { type Difference, type Ends, intervalSign, type Tally } from "../../result/mod.ts";
import { formatFixed, formatPoints, formatPointsRange, formatRange } from "./numbers.ts";
import { capital, type Finding, reading } from "./reading.ts";

/** Words for an interval: wholly below zero, wholly above it, or neither. */
export interface IntervalWords {
  /** The interval is below zero. */
  readonly below: string;
  /** The interval is above zero. */
  readonly above: string;
  /** Default: "cannot be told apart", and "cannot be told from 0" for a correlation. */
  readonly neither?: string;
  /** Where both sides are the same by construction; default: "the same modules". */
  readonly same?: string;
}

/** The check of words for an interval. */
export const aChoice: Check = record(
  { below: required(string), above: required(string), neither: string, same: string },
  "words for an interval, as { below, above }",
);

/**
 * Returns the words that fit a 95 % interval, so that a sentence claims no more than the interval supports. An interval without limits,
 * from a single sample, is neither. Two plans that drop the same modules are the same.
 *
 * @example
 * ```ts
 * import { intervalWords } from "lamina/figures";
 *
 * const change = { difference: -0.011, low: -0.029, high: 0.007 };
 * console.log(intervalWords(change, { below: "gains", above: "loses", neither: "loses nothing that can be measured" }));
 * ```
 */
export function intervalWords(interval: Difference, words: IntervalWords): string {
  const sign = intervalSign(interval);
  expect("choose words", "the choice", words, aChoice);
  const { below, above, neither = "cannot be told apart", same = "the same modules" } = words;
  return interval.same ? same : { [-1]: below, 1: above, 0: neither }[sign];
}

/** A correlation with its interval: "0.16 (−0.22 to 0.49)"; "–" where it is not defined. */
export function correlationText({ rank, low, high }: Ends & { readonly rank: number | null }): string {
  return reading`${{ value: rank, low, high, decimals: 2 }}`;
}

/** The same of a rank correlation over n pairs. */
export function rankText(rank: number, n: number): string {
  const [low, high] = rankInterval(rank, n) ?? [null, null];
  return correlationText({ rank, low, high });
}

/** " (cannot tell in 3)"; nothing where every comparison is clear. */
export function unknownText({ unknown }: Pick<Tally, "unknown">, preposition: "in" | "at" | "for"): string {
  return unknown === 0 ? "" : ` (cannot tell ${preposition} ${unknown})`;
}

/** "3 of 6 layers (cannot tell in 1)"; of several things each with its name. */
export function counts(
  all: readonly { readonly name: string; readonly counts: Tally }[],
  side: "below" | "above",
  [things, at]: readonly ["layers", "in"] | readonly ["steps", "at"],
): string {
  return all.filter(({ counts }) => counts.all > 0).map(({ name, counts }) =>
    reading`${counts[side]} of ${counts.all}
      ${things}${all.length > 1 && ` of ${name}`}${unknownText(counts, at)}`
  ).join(", ");
}

/** Changes of a measure as a finding, by what is missing: the clear ones are found, those whose interval has 0 stay open. */
export function changed(
  measure: string,
  unit: string,
  changes: readonly ({ readonly what: string } & Interval)[],
): Finding {
  const range = (low: number, high: number) => `${formatFixed(low, 1)} to ${formatFixed(high, 1)}`;
  const clear = changes.filter(({ low, high }) => low > 0 || high < 0);
  const parts = clear.map(({ what, value, low, high }) => {
    const [verb, ...ends] = value < 0 ? ["falls", -high, -low] as const : ["rises", low, high] as const;
    return `${verb} by ${formatFixed(Math.abs(value), 1)} ${unit} (95 %: ${range(...ends)}) without ${what}`;
  });
  const open = changes.filter((change) => !clear.includes(change))
    .map(({ what, low, high }) => `without ${what} (${range(low, high)})`).join(" or ");
  return {
    found: clear.length > 0 && `${capital(measure)} ${parts.join(", ")}`,
    open: open && `whether ${clear.length > 0 ? "it" : measure} changes ${open}`,
  };
}

/** A change of an accuracy: "−40.0 points (95 %: −51.0 to −30.0)". */
export function pointsText({ difference, low, high }: Record<"difference" | "low" | "high", number>): string {
  return `${formatPoints(difference)} points (95 %: ${formatPointsRange(low, high, " to ")})`;
}

/** How many times as high a perplexity is as the full model's: "1.54×; 95 %: 1.48 to 1.61". */
export function perplexityText(point: Rise, samples: number): string {
  return `${formatFixed(Math.exp(point.rise), 2)}×; ${intervalText(point, samples, Math.exp)}`;
}

/** The interval of a rise in nats, or of a function of it: "95 %: 0.39 to 0.48". */
export function intervalText(
  { rise, riseError }: Rise,
  samples: number,
  read = (nats: number) => nats,
): string {
  const [low, high] = interval95(rise, riseError, samples);
  return endsText(Number.isFinite(high - low) ? [read(low), read(high)] : null);
}

/** "95 %: 0.55 to 0.60". */
export function endsText(ends: readonly [low: number, high: number] | null): string {
  return ends ? `95 %: ${formatRange(...ends)}` : "one sample, no interval";
}
