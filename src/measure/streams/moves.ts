/**
 * How far the update u of a module moves when something before it changes: e = u′ − u, in the part along the stream x that u is added to,
 * and the part across it, each over |u| (arXiv 2609.15975).
 */
import { productsOf } from "./angle.ts";

/** Sums over the tokens of a sample. */
export interface MoveSums {
  /** Σ |e|² */
  difference: number;
  /** Σ |u|² */
  reference: number;
  /** Tokens of which neither x nor u is 0: only they have a direction and a size. */
  counted: number;
  /** Σ |e∥| / |u| */
  along: number;
  /** Σ |e⊥| / |u| */
  across: number;
}

/** Sums up tokens of D numbers each. */
export function sumMoves(
  stream: Float32Array,
  update: Float32Array,
  moved: Float32Array,
  hidden: number,
): MoveSums {
  const sums = { difference: 0, reference: 0, counted: 0, along: 0, across: 0 };
  const [x, e] = [new Float64Array(hidden), new Float64Array(hidden)];
  for (let start = 0; start < update.length; start += hidden) {
    let uu = 0;
    for (let i = 0; i < hidden; i++) {
      const u = update[start + i];
      x[i] = stream[start + i];
      e[i] = moved[start + i] - u;
      uu += u * u;
    }
    const { xx, xy: xe, yy: ee } = productsOf(x, e);
    sums.difference += ee;
    sums.reference += uu;
    if (xx === 0 || uu === 0) continue;
    sums.counted++;
    sums.along += Math.abs(xe) / Math.sqrt(xx * uu);
    sums.across += Math.sqrt(Math.max(ee - xe * xe / xx, 0) / uu);
  }
  return sums;
}
