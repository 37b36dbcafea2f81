/**
 * How fast something can be at most: moving its bytes takes time, so do its operations, and the two overlap at best. The time of
 * a piece of work is that of the longer of the two (Williams, Waterman & Patterson, "Roofline", CACM 52, 2009).
 *
 * A model is many pieces, one after the other: each has a roof of its own.
 */

/** Bytes that a piece of work moves, and its multiplications and additions. */
export interface Work {
  readonly bytes: number;
  readonly flops: number;
}

/** Bytes, and multiplications and additions, per second. */
export interface Roof {
  readonly bandwidth: number;
  readonly rate: number;
}

/** Seconds that a piece of work takes at least. */
export function roofSeconds({ bytes, flops }: Work, { bandwidth, rate }: Roof): number {
  return Math.max(bytes / bandwidth, flops / rate);
}

/**
 * The paper's gamma: points of average accuracy lost for each percent of speed-up; the lower, the better. Null where nothing
 * became faster. `speedup` is a ratio: 1.23 is 23 %.
 */
export function gamma(lost: number, speedup: number): number | null {
  return speedup > 1 ? lost / (100 * (speedup - 1)) : null;
}
