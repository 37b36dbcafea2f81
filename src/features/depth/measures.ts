/**
 * How the stream of one token goes from the first layer to the last, what the head would predict on the way, and the depth at which a model
 * has done its work. h_l is the stream before layer l, h_L the last, δ_l = h_{l+1} − h_l.
 *
 * Angles between neighbouring updates are near 90° where layers average an ensemble, and smaller where they follow one procedure
 * ("Inverse depth scaling", arXiv 2602.05970). The three effective depths are those of arXiv 2505.13898, 2510.18871 and 2512.14064.
 */
import { dot } from "core/entry/mod.ts";
import {
  angularDistance,
  type Estimate,
  POSITIVE,
  productsOf,
  type Range,
  ratio95,
  type RatioPart,
  SHARE,
} from "core/measure/mod.ts";
import { intervalSign } from "core/result/mod.ts";

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

/** Parts by layer and sample of a number whose sign decides where a depth lies. */
type Levels = readonly (readonly RatioPart[])[];

/** Half of the layer's with the largest KL, less the layer's own: above zero where the lens is nearer. Both read the same tokens. */
function nearer(layers: Levels): Levels {
  const means = layers.map((parts) => ratio95(parts)?.value ?? 0);
  const farthest = layers[means.indexOf(Math.max(...means))];
  return layers.map((parts) =>
    parts.map(({ over, under }, i) => ({ over: farthest[i].over / 2 - over, under }))
  );
}

/** The numbers that each effective depth looks at. */
const LEVELS = {
  sign: (layers: Levels) => layers,
  kl: nearer,
  again: nearer,
  overlap: (layers: Levels) =>
    layers.map((parts) => parts.map(({ over, under }) => ({ over: over - 0.2 * under, under }))),
} as const;
export const EFFECTIVE = Object.keys(LEVELS) as (keyof typeof LEVELS)[];
/** An effective depth by its measure. */
export type Effective = keyof typeof LEVELS;

/** Places in a list: where something happens by the means, and at the earliest and latest by their intervals; −1 where it does not. */
type Places = Record<"value" | "low" | "high", number>;

/** The first number above zero. */
function firstAbove(found: readonly Estimate[]): Places {
  return {
    value: found.findIndex(({ value }) => value > 0),
    low: found.findIndex((own) => intervalSign(own) >= 0),
    high: found.findIndex((own) => intervalSign(own) > 0),
  };
}

/** The last number above zero whose neighbour before is below it. There is one for sure behind a number that is below for sure, if one above follows. */
function lastTurn(found: readonly Estimate[]): Places {
  const signs = found.map(intervalSign);
  const above = signs.lastIndexOf(1);
  const below = signs.slice(0, Math.max(0, above)).lastIndexOf(-1);
  return {
    value: found.findLastIndex(({ value }, i) => i > 0 && value > 0 && found[i - 1].value < 0),
    low: below < 0 ? -1 : below + 1,
    high: signs.findLastIndex((sign, i) => i > 0 && sign >= 0 && signs[i - 1] <= 0),
  };
}

/**
 * An effective depth, (l + 1) / L, with the layers that the 95 % intervals of the means by layer leave open: null where no layer is found,
 * no interval of one sample or where the intervals do not say that there is such a layer.
 */
export function effectiveDepth(samples: readonly DepthSums[], name: Effective): Estimate | null {
  const layers = samples[0][name].map((_, l) => samples.map((sums) => sums[name][l]));
  const found = LEVELS[name](layers).flatMap((parts, layer) => {
    const own = ratio95(parts);
    return own ? [{ ...own, layer }] : [];
  });
  const { value, low, high } = (name === "sign" ? lastTurn : firstAbove)(found);
  const depth = (place: number) => (found[place].layer + 1) / layers.length;
  if (value < 0) return null;
  return low < 0 || high < 0
    ? { value: depth(value), low: null, high: null }
    : { value: depth(value), low: depth(low), high: depth(high) };
}

const DEGREES: Range = [0, 180];
/** What each measure can be; progress is not limited. */
const RANGES: Readonly<Record<DepthMeasure, Range | undefined>> = {
  ...{ step: DEGREES, turn: DEGREES, left: DEGREES, progress: undefined, sign: [-1, 1] },
  ...{ kl: POSITIVE, again: POSITIVE, overlap: SHARE, frequent: SHARE, revised: SHARE },
};

/** The means of a measure by layer. */
export const meansOf = (samples: readonly DepthSums[], name: DepthMeasure): (Estimate | null)[] =>
  samples[0][name].map((_, l) => ratio95(samples.map((sums) => sums[name][l]), RANGES[name]));
