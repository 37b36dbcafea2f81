/** 95 % intervals: lists sorted by them, and the cost of drops with theirs. */
import { expect, func, like, optionsOf, resultOf } from "../../entry/mod.ts";
import { interval95, mean, type Rise, standardError } from "../../measure/mod.ts";
import type { Checkpoints } from "../forms/profile.ts";
import { aSweep, type Sweep } from "../forms/sweep.ts";
import { medianGapsOf, type Sign } from "./signs.ts";

/** The ends of a 95 % interval; null where a single sample has none. */
export interface Ends {
  /** Its lower end. */
  readonly low: number | null;
  /** Its upper end. */
  readonly high: number | null;
}

export type { Rise };

/** A rise of the loss with the ends of its 95 % interval. */
export interface RiseInterval extends Ends {
  /** Nats per token. */
  readonly rise: number;
}

/** A list in three parts. */
export interface Sorted<T> {
  /** Those whose interval is below zero. */
  readonly below: T[];
  /** Those whose interval is above zero. */
  readonly above: T[];
  /** Those whose interval contains zero, or that have none. */
  readonly neither: T[];
}

const anyList = like("a list", Array.isArray);
const anEnd = (value: unknown) => value === null || Number.isFinite(value);
const anInterval = like("an interval with low and high", (value) => {
  const { low, high } = (value ?? {}) as { low?: unknown; high?: unknown };
  return anEnd(low) && anEnd(high);
});

/** Where an interval lies: below zero, above it, or on both sides; one without limits, from a single sample, says nothing. */
export function intervalSign(interval: Ends): Sign {
  expect("choose words", "the interval", interval, anInterval);
  const { low, high } = interval;
  if (low === null || high === null) return 0;
  return high < 0 ? -1 : low > 0 ? 1 : 0;
}

/**
 * Sorts a list by 95 % intervals, so that a sentence can name what is lower, what is higher, and what cannot be told apart.
 *
 * @example
 * ```ts
 * import { reading } from "lamina";
 * import { byInterval } from "lamina/figures";
 *
 * const changes = [{ order: "random", low: 0.2, high: 0.4 }, { order: "angular", low: -0.1, high: 0.1 }];
 * const { above, neither } = byInterval(changes, (change) => change);
 * console.log(reading`Worse: ${above.map(({ order }) => order)}. Cannot tell: ${neither.map(({ order }) => order)}.`);
 * ```
 */
export function byInterval<T>(items: readonly T[], intervalOf: (item: T) => Ends): Sorted<T> {
  expect("sort by intervals", "items", items, anyList);
  expect("sort by intervals", "intervalOf", intervalOf, func);
  const those = (sign: Sign) => items.filter((item) => intervalSign(intervalOf(item)) === sign);
  return { below: those(-1), above: those(1), neither: those(0) };
}

const aRise = like("a point of a sweep", (value) => Number.isFinite((value as Partial<Rise> | null)?.rise));

/**
 * How much the loss of a sweep's point exceeds the full model's, or another point's, with its 95 % interval over the sweep's samples
 * (Student's t). Two points are treated as independent; those of one sweep share their samples, which makes the interval rather too wide.
 *
 * @example
 * ```ts
 * import { reading, sweep } from "lamina";
 * import { riseOf } from "lamina/figures";
 *
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const result = await sweep("data/series/pre-ln/step04096", { ...text, calibration: text, targets: ["attention"], by: ["importance", "deepest"], upto: 2 });
 * const [importance, deepest] = result.curves.map(({ points }) => points[2]);
 * console.log(reading`${riseOf(result, importance)} nats; deepest first: ${riseOf(result, deepest, { than: importance })} more`);
 * ```
 */
export function riseOf(result: Sweep, point: Rise, options: { readonly than?: Rise } = {}): RiseInterval {
  expect("compare losses", "result", result, aSweep);
  expect("compare losses", "the point", point, aRise);
  expect("compare losses", "options", options, optionsOf({ than: aRise }));
  return riseOverSamples(result.provenance.packing.samples, point, options.than);
}

/** {@link riseOf} over so many samples. */
export function riseOverSamples(
  samples: number,
  point: Rise,
  than: Rise = { rise: 0, riseError: 0 },
): RiseInterval {
  const errors = [point.riseError, than.riseError];
  const error = errors.includes(null) ? null : Math.hypot(...errors as number[]);
  const rise = point.rise - than.rise;
  return { rise, ...endsOf(rise, error, samples) };
}

/** The interval of a mean over n samples, if it has one. */
function endsOf(mean: number, error: number | null, n: number): Ends {
  const [low, high] = interval95(mean, error, n).map((end) => Number.isFinite(end) ? end : null);
  return { low, high };
}

/**
 * How far attention's median importance is above the MLP's at each step, with its 95 % interval, paired over the samples. Layer 0, and
 * steps where one of the two has no module, are left out.
 *
 * @example
 * ```ts
 * import { reading } from "lamina";
 * import { byInterval, medianGaps } from "lamina/figures";
 * import { checkpoints, openSeries } from "lamina/series";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * const { below } = byInterval(medianGaps(result), (gap) => gap);
 * console.log(reading`Attention is the more redundant at steps ${below.map(({ step }) => step)}.`);
 * ```
 */
export function medianGaps(
  result: Checkpoints,
): ({ readonly step: number; readonly difference: number } & Ends)[] {
  expect("compare medians", "result", result, resultOf("checkpoints"));
  return result.series.flatMap((entry) => {
    const gaps = medianGapsOf(entry);
    if (!gaps?.length) return [];
    const difference = mean(gaps);
    return [{ step: entry.step, difference, ...endsOf(difference, standardError(gaps), gaps.length) }];
  });
}
