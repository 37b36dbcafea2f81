/**
 * Sentences with numbers of results. Titles, subtitles, readings, answers, tables and notebooks are sentences around parts that are data
 * until here: numbers, intervals, counts. A notebook's Markdown is written once and is wrong as soon as its reader changes a size or a
 * model; a reading is an output like a figure, so a rerun prints its own numbers.
 */
import { expect, like, shown } from "../../entry/mod.ts";
import { formatDigits, formatFixed, formatNumber, formatShare } from "./numbers.ts";

/**
 * A value in a reading: a number, a text, a list, an estimate with its interval, null for a missing value, or false for a clause that does
 * not apply. A bare number may be a count, so that it is written whole where it is; what was measured keeps three digits ("3.00").
 */
export type ReadingValue =
  | number
  | string
  | null
  | false
  | undefined
  | readonly ReadingValue[]
  | ({ readonly rise: number } | { readonly difference: number } | { readonly value: number | null }) & {
    readonly low: number | null;
    readonly high: number | null;
    readonly decimals?: number;
    /** Whether nothing can differ, so that a value of 0 is no estimate. */
    readonly same?: boolean | undefined;
  }
  | { readonly measured: number }
  | { readonly share: number }
  | { readonly fixed: number; readonly decimals: number };

const aTemplate = like(
  "a template, as in reading`…`",
  (words) => Array.isArray(words) && words.every((word) => typeof word === "string"),
);

/**
 * Returns a sentence with its values as Markdown for `show`. Numbers get three significant digits, an estimate its 95 % interval in
 * brackets, or that it is the same in every sample, a list commas, an empty one "none", and null "not measured". Throws `RangeError` for a number that is not finite.
 * An indented line of the sentence continues the line before it.
 *
 * @example
 * ```ts
 * import { reading } from "lamina";
 *
 * console.log(reading`Dropping ${8} modules raises the perplexity from ${29.291} to ${45.163}.`);
 * console.log(reading`The loss rises by ${{ rise: 0.0464, low: 0.024, high: 0.068 }} nats per token.`);
 * ```
 */
export function reading(words: TemplateStringsArray, ...values: readonly ReadingValue[]): string {
  expect("read out", "the sentence", words, aTemplate);
  return words.map((word) => word.replace(/\n +/g, " "))
    .reduce((text, word, i) => i === 0 ? word : text + wordsOf(values[i - 1]) + word, "");
}

function wordsOf(value: ReadingValue): string {
  if (value === null) return "not measured";
  if (value === false || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number") return finite(value);
  if (typeof value !== "object") throw unreadable(value);
  if ("measured" in value) return formatNumber(value.measured);
  if ("share" in value) return formatShare(value.share);
  if ("fixed" in value) return formatFixed(value.fixed, value.decimals);
  if ("low" in value) return estimateText(value);
  if (!Array.isArray(value)) throw unreadable(value);
  return value.map(wordsOf).join(", ") || "none";
}

const unreadable = (value: unknown): TypeError =>
  new TypeError(
    `Cannot read out a value: found ${shown(value)}, expected a number, a text, a list or an estimate`,
  );

/** An estimate with its interval, with digits more where it would look as if it had no width, and in words where it has none. */
function estimateText(
  { low, high, decimals, ...own }: Extract<ReadingValue, { readonly low: unknown }>,
): string {
  const value = "rise" in own ? own.rise : "difference" in own ? own.difference : own.value;
  if (value === null) return "–";
  const write = (end: number, more = 0) =>
    decimals === undefined ? finite(end, 3 + more) : formatFixed(end, decimals + more);
  if (low === null || high === null) {
    return `${write(value)}${decimals === undefined ? " (no interval from a single sample)" : ""}`;
  }
  if (own.same) return write(value);
  if (low === high) return `${write(value)} (in every sample)`;
  let more = 0;
  while (more < 4 && write(low, more) === write(high, more)) more++;
  return `${write(value, more)} (${write(low, more)} to ${write(high, more)})`;
}

function finite(value: number, digits = 3): string {
  if (!Number.isFinite(value)) {
    throw new RangeError(`Cannot format a number: found ${value}, expected a finite one`);
  }
  const whole = Number.isInteger(value) && Math.abs(value) < 1e9;
  return whole ? value.toLocaleString("en-US").replace("-", "−") : formatDigits(value, digits);
}

export const capital = (text: string): string => text.replace(/^./, (letter) => letter.toUpperCase());

/** A title: what the samples decide, and what they leave open. */
export interface Finding {
  /** What the picture is of, for results in which nothing is compared. */
  readonly topic?: string;
  readonly found?: string | false | undefined;
  /** Behind "cannot tell": what stays open beside the finding, or alone. */
  readonly open?: string | false | undefined;
}

/** The texts of a figure. Sentences that do not apply are false. */
export interface Caption {
  /** A sentence where nothing is compared. */
  readonly title: Finding | string;
  readonly shows: readonly ReadingValue[];
  /** Default: the setting of the first result. */
  readonly setting?: string;
  readonly reads: readonly ReadingValue[];
}

/** Sentences behind each other, without those that do not apply. */
export function sentences(...parts: readonly ReadingValue[]): string {
  return parts.map(wordsOf).filter((text) => text !== "").join(" ");
}

export function captionWords({ title, shows, reads }: Caption) {
  const { topic = "", found, open } = typeof title === "string" ? { found: title } as Finding : title;
  const words = found
    ? `${found}${open ? `; cannot tell ${open}` : ""}`
    : open
    ? `Cannot tell ${open}`
    : topic;
  return { title: words, subtitle: sentences(...shows), reading: sentences(...reads) };
}
