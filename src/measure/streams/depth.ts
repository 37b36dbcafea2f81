/**
 * How the stream of one token goes from the first layer to the last, what the head would predict on the way, and the depth at which a model
 * has done its work. h_l is the stream before layer l, h_L the last, δ_l = h_{l+1} − h_l.
 *
 * Angles between neighbouring updates are near 90° where layers average an ensemble, and smaller where they follow one procedure
 * ("Inverse depth scaling", arXiv 2602.05970). The three effective depths are those of arXiv 2505.13898, 2510.18871 and 2512.14064.
 */
import { cosine } from "../predictions.ts";
import { drawn95, type Estimate, type RatioPart } from "../statistics/bootstrap.ts";
import { angularDistance, productsOf } from "./angle.ts";

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
  "overlap", // share of the five likeliest tokens that are the final ones
  "frequent", // whether the likeliest token is among the ten most frequent of the text
  "revised", // whether the likeliest token is not the final one
] as const;
/** All of them, in the order of tables. */
export const DEPTH_MEASURES = [...PATHS, ...LENSES] as const;
export type DepthMeasure = typeof DEPTH_MEASURES[number];
type Path = typeof PATHS[number];
type Lens = typeof LENSES[number];

function degrees(a: Float64Array, b: Float64Array): number | null {
  const { xx, xu, uu, xy, yy } = productsOf(a, b);
  return xx === 0 || yy === 0 ? null : 180 * angularDistance(xx, xu, uu, xy, yy);
}

function minus(a: Float64Array, b: Float64Array): Float64Array {
  const difference = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) difference[i] = a[i] - b[i];
  return difference;
}

/** The measures of a token's streams h_0 … h_L [D], by layer; null where one side is zero, and of the last layer's turn. */
export function pathOf(given: readonly ArrayLike<number>[]): Record<Path, (number | null)[]> {
  const streams = given.map((stream) => new Float64Array(stream)); // one type of array, which is five times as fast
  const [first, last] = [streams[0], streams.at(-1)!];
  const before = streams.slice(0, -1);
  const updates = before.map((stream, l) => minus(streams[l + 1], stream));
  const way = minus(last, first);
  const whole = productsOf(way, way).xx;
  const by = <T>(of: (stream: Float64Array, layer: number) => T) => before.map(of);
  return {
    step: by((stream, l) => degrees(stream, streams[l + 1])),
    turn: by((_, l) => l + 1 < updates.length ? degrees(updates[l], updates[l + 1]) : null),
    left: by((stream) => degrees(stream, last)),
    progress: by((stream) => whole === 0 ? null : productsOf(minus(stream, first), way).xy / whole),
    sign: by((stream, l) => cosine(updates[l], stream)),
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
): Record<Lens, number> {
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

/** The layer at which something happens in means by layer; −1 where it does not. */
const CROSSINGS = {
  /** The last in which cos(δ, h) changes from − to +. */
  sign: (means: readonly (number | null)[]) =>
    means.findLastIndex((mean, l) =>
      mean !== null && mean > 0 && (means.slice(0, l).findLast((m) => m !== null) ?? 0) < 0
    ),
  /** The first whose lens is nearer than half of the farthest. */
  kl: (means: readonly (number | null)[]) => {
    const half = Math.max(...means.map((mean) => mean ?? 0)) / 2;
    return means.findIndex((mean) => mean !== null && mean < half);
  },
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
