/**
 * How the stream of one token goes from the first layer to the last, what the head would predict on the way, and the depth at which a model
 * has done its work. h_l is the stream before layer l, h_L the last, δ_l = h_{l+1} − h_l.
 *
 * Angles between neighbouring updates are near 90° where layers average an ensemble, and smaller where they follow one procedure
 * ("Inverse depth scaling", arXiv 2602.05970). The three effective depths are those of arXiv 2505.13898, 2510.18871 and 2512.14064.
 */
import { dot } from "core/entry/mod.ts";
import { angularDistance, drawn95, type Estimate, productsOf, type RatioPart } from "core/measure/mod.ts";

/** What a token's streams are measured by, in each layer. */
const PATHS = [
  "step", // θ_l, degrees between h_l and h_{l+1}
  "turn", // φ_l, degrees between δ_l and δ_{l+1}
  "left", // ψ_l, degrees between h_l and h_L
  "progress", // π_l = (h_l − h_0)·(h_L − h_0) / |h_L − h_0|²
  "sign", // cos(δ_l, h_l)
] as const;
/** Measures of the predictions that the head reads from the stream that leaves a layer (logit lens). */
const LENSES = [
  "kl", // KL(final ‖ lens), nats
  "again", // the same where the stream passes the last layer before the lens
  "overlap", // share of the five likeliest tokens that are the final ones
  "frequent", // whether the likeliest token is among the ten most frequent of the text
  "revised", // whether the likeliest token is not the final one
] as const;
/** All of them, in the order of tables. */
export const DEPTH_MEASURES = [...PATHS, ...LENSES] as const;
export type DepthMeasure = typeof DEPTH_MEASURES[number];
/** The angle from products of both sides in degrees; null where one is zero. */
function degrees({ xx, xu, uu, xy, yy }: ReturnType<typeof productsOf>): number | null {
  return xx === 0 || yy === 0 ? null : 180 * angularDistance(xx, xu, uu, xy, yy);
}

/** Sets vectors [n, D] in memory of their own, one type of array, with which sums are five times as fast. */
function vectors(n: number, size: number, set: (vector: Float64Array, i: number) => void): Float64Array[] {
  const all = new Float64Array(n * size);
  return Array.from({ length: n }, (_, i) => {
    const own = all.subarray(i * size, (i + 1) * size);
    set(own, i);
    return own;
  });
}

function setDifference(difference: Float64Array, a: Float64Array, b: Float64Array): void {
  for (let i = 0; i < a.length; i++) difference[i] = a[i] - b[i];
}

/** The measures of a token's streams h_0 … h_L [D], by layer; null where one side is zero, and of the last layer's turn. */
export function pathOf(given: readonly ArrayLike<number>[]): Record<typeof PATHS[number], (number | null)[]> {
  const size = given[0].length;
  const streams = vectors(given.length, size, (own, i) => own.set(given[i]));
  const [first, last] = [streams[0], streams.at(-1)!];
  const before = streams.slice(0, -1);
  const updates = vectors(before.length, size, (own, l) => setDifference(own, streams[l + 1], streams[l]));
  const [way] = vectors(1, size, (own) => setDifference(own, last, first));
  const whole = dot(way, way);
  const steps = before.map((stream, l) => productsOf(stream, streams[l + 1]));
  let gone = 0; // (h_l − h_0)·(h_L − h_0)
  return {
    step: steps.map(degrees),
    turn: updates.map((update, l) =>
      l + 1 < updates.length ? degrees(productsOf(update, updates[l + 1])) : null
    ),
    left: before.map((stream) => degrees(productsOf(stream, last))),
    progress: updates.map((update) => {
      const here = gone;
      gone += dot(update, way);
      return whole === 0 ? null : here / whole;
    }),
    sign: steps.map(({ xx, xu, uu }) =>
      xx === 0 || uu === 0 ? null : Math.max(-1, Math.min(1, xu / Math.sqrt(xx * uu)))
    ),
  };
}

/**
 * The measures of a layer's prediction, from its KL and its likeliest tokens, beside the likeliest of the final prediction and the tokens that
 * are frequent.
 */
export function lensOf(
  kl: number,
  own: Int32Array,
  final: Int32Array,
  frequent: readonly number[],
): Record<Exclude<typeof LENSES[number], "again">, number> {
  return {
    kl: Math.max(0, kl), // rounding may leave −1e-7
    overlap: own.filter((id) => final.includes(id)).length / own.length,
    frequent: Number(frequent.includes(own[0])),
    revised: Number(own[0] !== final[0]),
  };
}

/** The ten most frequent tokens of a text; of equals the lower id. */
export function frequentTokens(ids: Int32Array): number[] {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || a - b).slice(0, 10).map(([id]) => id);
}

/** The sums of one sample by measure and layer. */
export type DepthSums = Readonly<Record<DepthMeasure, readonly RatioPart[]>>;

/** The first layer whose lens is nearer than half of the farthest. */
function nearest(means: readonly (number | null)[]): number {
  const half = Math.max(...means.map((mean) => mean ?? 0)) / 2;
  return means.findIndex((mean) => mean !== null && mean < half);
}

/** The layer at which something happens in means by layer; −1 where it does not. */
const CROSSINGS = {
  /** The last in which cos(δ, h) changes from − to +. */
  sign: (means: readonly (number | null)[]) =>
    means.findLastIndex((mean, l) =>
      mean !== null && mean > 0 && (means.slice(0, l).findLast((m) => m !== null) ?? 0) < 0
    ),
  kl: nearest,
  again: nearest,
  /** The first whose likeliest tokens overlap by more than 0.2. */
  overlap: (means: readonly (number | null)[]) => means.findIndex((mean) => mean !== null && mean > 0.2),
} as const;
export const EFFECTIVE = Object.keys(CROSSINGS) as (keyof typeof CROSSINGS)[];
/** An effective depth by its measure. */
export type Effective = keyof typeof CROSSINGS;

/** The share of draws in which a layer is found, for an interval of 95 %. */
const FOUND = 0.95;

/**
 * An effective depth, (l + 1) / L, with its 95 % interval over samples: null where no layer is found, no interval of one sample or where
 * one draw of the samples in twenty finds none.
 */
export function effectiveDepth(samples: readonly DepthSums[], name: Effective): Estimate | null {
  const parts = samples.map((sums) => sums[name]);
  const layers = parts[0].length;
  return drawn95(parts.length, (draw) => {
    const over = new Float64Array(layers);
    const under = new Float64Array(layers);
    for (let i = 0; i < draw.length; i++) {
      parts[draw[i]].forEach((part, l) => (over[l] += part.over, under[l] += part.under));
    }
    const found = CROSSINGS[name](Array.from(over, (sum, l) => under[l] === 0 ? null : sum / under[l]));
    return found < 0 ? null : (found + 1) / layers;
  }, FOUND);
}
