/**
 * What one update u does to the stream X it is added to (Y = X + u), token by token, from inner products alone.
 *
 * Importance is 1 − cos(X, Y) (the paper's S), relative magnitude |u|/|X|, sign cos(u, X) (below 0 erases, above
 * amplifies; Csordás et al., arXiv 2505.13898). A float32 cosine close to 1 loses all its digits, so 1 − cos comes
 * from sin² instead: XX·YY − XY² = XX·uu − Xu², exact for small updates; where u is large, and could cancel X, the
 * direct products keep the digits. Sums are float64.
 */

/** The sums over tokens, for one module and one sample; `largest` is a maximum. */
const SUMS = [
  "counted",
  "distance", // Σ 1 − cos(X, Y)
  "magnitude", // Σ |u| / |X|
  "sign", // Σ cos(u, X)
  "norm", // Σ |X|
  "largest", // max |u| / |X|
  "above2", // number of tokens with |u| / |X| > 2, an outsized update
  "alpha", // Σ u·X / |X|², what lies along the stream
  "beta", // Σ |u − αX| / |X|, what lies across it
  "along", // Σ cos²(u, X)
  "turning", // Σ β² / (2(1 + α)²), each at most 2
] as const;
type SumName = typeof SUMS[number];
export type UpdateSums = Record<SumName, number>;

/** The same for each sum, in one order. */
export const eachSum = <T>(value: T): Record<SumName, T> =>
  Object.fromEntries(SUMS.map((name) => [name, value])) as Record<SumName, T>;

/** Each mean that results show of a module, with the sum behind it. A new mean takes a line here, its sum, and a column. */
const MEANS = {
  /** 1 − mean cos(X, Y) */
  importance: "distance",
  /** mean |u| / |X| */
  relativeMagnitude: "magnitude",
  /** The largest |u| / |X| of a token. */
  largestRelativeMagnitude: "largest",
  /** Share of tokens with |u| / |X| > 2. */
  shareAbove2: "above2",
  /** mean cos(u, X) */
  sign: "sign",
} as const satisfies Record<string, SumName>;

/**
 * The means of directions: u = αX + u⊥ with β = |u⊥| / |X|, so that cos(X, X + u) = (1 + α) / √((1 + α)² + β²), and importance is
 * about β² / (2(1 + α)²): the update's turning, which growth along the stream divides (arXiv 2609.15975).
 */
const DIRECTIONS = {
  /** mean u·X / |X|² */
  alpha: "alpha",
  /** mean |u − αX| / |X| */
  beta: "beta",
  /** mean cos²(u, X), the share of the update's energy along the stream; 1/D for random directions. */
  along: "along",
  /** mean β² / (2(1 + α)²), each token's at most 2, the largest importance. */
  turning: "turning",
} as const satisfies Record<string, SumName>;

type Each<Names, T> = { [Name in keyof Names]: T };
type Means<T> = Each<typeof MEANS, T> & { directions: Each<typeof DIRECTIONS, T> };

/** The same for each mean, in one order; of the sum `largest`, several give the largest. */
export function eachMean<T>(of: (sum: SumName, read: (means: Means<T>) => T) => T): Means<T> {
  const each = <Names extends Record<string, SumName>>(
    names: Names,
    among: (means: Means<T>) => Each<Names, T>,
  ) =>
    Object.fromEntries(
      Object.entries(names).map((
        [name, sum],
      ) => [name, of(sum, (means) => among(means)[name as keyof Names])]),
    ) as Each<Names, T>;
  return { ...each(MEANS, (means) => means), directions: each(DIRECTIONS, (means) => means.directions) };
}

/**
 * An update is outsized where it is more than this many times as long as the stream that it is added to.
 *
 * Importance is a mean over tokens, and one token among T moves it by at most 2/T. So a module that writes the massive activation of
 * one token (Sun et al., arXiv 2402.17762) looks redundant, though the model fails without it. In SmolLM2-135M the largest updates of
 * those MLPs (0, 1, 2, 11) are 3.6 to 154 times as long as the stream, those of all other modules at most 1.9 times.
 */
export const OUTSIZED = 2;

/** The layers with an outsized update, from the largest |u| / |X| of each [L]. */
export function outsizedLayers(largest: readonly (number | null)[]): number[] {
  return largest.flatMap((ratio, layer) => ratio !== null && ratio > OUTSIZED ? [layer] : []);
}

/** 1 − cos(X, Y), from products of X, u and Y = X + u. Both X and Y must be non-zero. */
export function cosineDistance(xx: number, xu: number, uu: number, xy: number, yy: number): number {
  const small = 4 * uu <= xx;
  const cosine = (small ? xx + xu : xy) / Math.sqrt(xx * yy);
  if (cosine < 0) return 1 - Math.max(cosine, -1);
  const area = small ? xx * uu - xu * xu : xx * yy - xy * xy;
  return Math.max(area, 0) / (xx * yy) / (1 + cosine);
}

/** 1 − cos(X, X + u) where r = |u|/|X| and s is u's cosine to X: 1 − (1 + r s)/√(1 + 2 r s + r²). s = 0 leaves magnitude alone. */
export function importanceOf(r: number, s: number): number {
  return cosineDistance(1, r * s, r * r, 1 + r * s, 1 + 2 * r * s + r * r);
}

/** Where a token's products of X, u and Y stand among all of its products. */
export type UpdatePlaces = Readonly<Record<"xx" | "xu" | "uu" | "xy" | "yy", number>>;

/** The places in the matrix [n, n] of all products of n vectors, X, u and Y being vectors number x, u and y. */
export function placesInGram(n: number, [x, u, y]: readonly [number, number, number]): UpdatePlaces {
  return { xx: x * n + x, xu: x * n + u, uu: u * n + u, xy: x * n + y, yy: y * n + y };
}

/** Adds up tokens, each with so many `products`. A token whose X or Y is zero has no direction: it is not counted. */
export function sumUpdates(all: Float32Array, products: number, places: UpdatePlaces): UpdateSums {
  const sums = eachSum(0);
  for (let base = 0; base < all.length; base += products) {
    const xx = all[base + places.xx];
    const uu = all[base + places.uu];
    const yy = all[base + places.yy];
    if (xx === 0 || yy === 0) continue;
    const xu = all[base + places.xu];
    sums.counted++;
    sums.distance += cosineDistance(xx, xu, uu, all[base + places.xy], yy);
    const ratio = Math.sqrt(uu / xx);
    sums.magnitude += ratio;
    sums.largest = Math.max(sums.largest, ratio);
    if (ratio > OUTSIZED) sums.above2++;
    sums.norm += Math.sqrt(xx);
    const alpha = xu / xx;
    const across = Math.max(xx * uu - xu * xu, 0) / (xx * xx); // β²
    sums.alpha += alpha;
    sums.beta += Math.sqrt(across);
    sums.turning += Math.min(across / (2 * (1 + alpha) ** 2), 2);
    if (uu === 0) continue;
    sums.sign += xu / Math.sqrt(xx * uu);
    sums.along += (xu * xu) / (xx * uu);
  }
  return sums;
}
