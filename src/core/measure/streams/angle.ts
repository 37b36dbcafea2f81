/**
 * Distances between streams as angles and cosines, token by token.
 *
 * The angular distance of Gromov et al. (arXiv 2403.17887) is arccos(cos(X, Y))/π, from 0 to 1. An arccos near 1 has lost half
 * of its digits: the angle is taken from the area instead, atan2(√(XX·YY − XY²), XY), with XX·YY − XY² = XX·uu − Xu² of the
 * update u = Y − X where that is small.
 */
import { cosineDistance, type UpdatePlaces } from "./update.ts";

export interface DistanceSums {
  counted: number;
  /** Σ 1 − cos(X, Y) */
  distance: number;
  /** Σ arccos(cos(X, Y))/π */
  angle: number;
  /** Σ |Y − X| / |X| */
  magnitude: number;
}

/** Nothing summed up yet. */
export const noDistances = (): DistanceSums => ({ counted: 0, distance: 0, angle: 0, magnitude: 0 });

/** The angle between X and Y = X + u in half turns, from their products. Both must be non-zero. */
export function angularDistance(xx: number, xu: number, uu: number, xy: number, yy: number): number {
  const small = 4 * uu <= xx;
  const area = small ? xx * uu - xu * xu : xx * yy - xy * xy;
  return Math.atan2(Math.sqrt(Math.max(area, 0)), small ? xx + xu : xy) / Math.PI;
}

/** Adds tokens, each of which has so many `products`. A token without a direction is left out. */
export function addProducts(
  sums: DistanceSums,
  all: Float32Array,
  products: number,
  { xx, xu, uu, xy, yy }: UpdatePlaces,
): void {
  for (let base = 0; base < all.length; base += products) {
    add(sums, all[base + xx], all[base + xu], all[base + uu], all[base + xy], all[base + yy]);
  }
}

/** Adds the tokens of two streams [tokens, hidden]. */
export function addStreams(sums: DistanceSums, x: Float32Array, y: Float32Array, hidden: number): void {
  for (let base = 0; base < x.length; base += hidden) {
    let [xx, xu, uu, xy, yy] = [0, 0, 0, 0, 0];
    for (let i = base; i < base + hidden; i++) {
      const [a, b] = [x[i], y[i]];
      const update = b - a;
      xx += a * a;
      xu += a * update;
      uu += update * update;
      xy += a * b;
      yy += b * b;
    }
    add(sums, xx, xu, uu, xy, yy);
  }
}

function add(sums: DistanceSums, xx: number, xu: number, uu: number, xy: number, yy: number): void {
  if (xx === 0 || yy === 0) return;
  sums.counted++;
  sums.distance += cosineDistance(xx, xu, uu, xy, yy);
  sums.angle += angularDistance(xx, xu, uu, xy, yy);
  sums.magnitude += Math.sqrt(uu / xx);
}
