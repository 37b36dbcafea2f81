/** Intervals of ratios of sums over samples, by drawing the samples again (Efron 1979, the percentile bootstrap). */
import { sum } from "../../entry/mod.ts";
import { philox } from "../../tensor/mod.ts";

/** What one sample adds to both sums of a ratio: those of a mean are a sum and a count, those of a slope Σ xy and Σ x². */
export interface RatioPart {
  readonly over: number;
  readonly under: number;
}

/** A number with the ends of its 95 % interval; null where there is none, as for a single sample. */
export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Draws of the samples. */
const DRAWS = 2000;

/**
 * Returns Σ over / Σ under with its 95 % interval over the samples; null where Σ under is 0. The draws are the same for the same number of
 * samples, so that equal samples have equal intervals.
 */
export function ratio95(all: readonly RatioPart[]): Estimate | null {
  const parts = all.filter(({ over, under }) => over !== 0 || under !== 0);
  return drawn95(parts.length, (draw) => ratioOf(parts, draw), 0.5);
}

/**
 * Returns a number that is read from some samples with its 95 % interval; null where all samples have none. There is no interval below two
 * samples, and where fewer than this share of the draws have a number.
 */
export function drawn95(
  samples: number,
  of: (draw: ArrayLike<number>) => number | null,
  least: number,
): Estimate | null {
  const value = of(Array.from({ length: samples }, (_, i) => i));
  if (value === null) return null;
  if (samples < 2) return { value, low: null, high: null };
  const values = drawsOf(samples).map(of).filter((value) => value !== null).sort((a, b) => a - b);
  if (values.length < least * DRAWS) return { value, low: null, high: null };
  const at = (share: number) => values[Math.round(share * (values.length - 1))];
  return { value, low: Math.min(value, at(0.025)), high: Math.max(value, at(0.975)) };
}

function ratioOf(parts: readonly RatioPart[], draw: ArrayLike<number>): number | null {
  let [over, under] = [0, 0];
  for (let i = 0; i < draw.length; i++) {
    over += parts[draw[i]].over;
    under += parts[draw[i]].under;
  }
  const ratio = over / under;
  return Number.isFinite(ratio) ? ratio : null;
}

const drawn = new Map<number, Int32Array[]>();

/** Samples drawn with replacement, n of n. */
function drawsOf(n: number): readonly Int32Array[] {
  const known = drawn.get(n);
  if (known) return known;
  const draws = Array.from(
    { length: DRAWS },
    (_, draw) =>
      Int32Array.from({ length: n }, (_, i) => Math.floor(philox([i, draw, 0, 0], [0, 0])[0] / 2 ** 32 * n)),
  );
  drawn.set(n, draws);
  return draws;
}

/** The part of a sample's mean: its values that are not null. */
export function meanPart(values: readonly (number | null)[]): RatioPart {
  const present = values.filter((value) => value !== null);
  return { over: sum(present), under: present.length };
}
