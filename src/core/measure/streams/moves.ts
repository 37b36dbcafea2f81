/**
 * How far the update u of a module moves when something before it changes: e = u′ − u, as a whole, or in the part along the stream x that u
 * is added to, and the part across it, each over |u| (arXiv 2609.15975).
 */

/** Sums over the tokens of a sample, of D numbers each, and whether they need the stream; without it, it is empty. */
export interface MoveMeasure<Sums> {
  readonly needsStream: boolean;
  sum(update: Float32Array, moved: Float32Array, stream: Float32Array, hidden: number): Sums;
}

/** Σ |e|² and Σ |u|². */
export const distances: MoveMeasure<Record<"difference" | "reference", number>> = {
  needsStream: false,
  sum(update, moved) {
    let [difference, reference] = [0, 0];
    for (let i = 0; i < update.length; i++) {
      const u = update[i];
      const e = moved[i] - u;
      difference += e * e;
      reference += u * u;
    }
    return { difference, reference };
  },
};

/** Σ |e∥| / |u| and Σ |e⊥| / |u| over the counted tokens, of which neither x nor u is 0: only they have a direction and a size. */
export const moves: MoveMeasure<Record<"counted" | "along" | "across", number>> = {
  needsStream: true,
  sum(update, moved, stream, hidden) {
    const sums = { counted: 0, along: 0, across: 0 };
    for (let start = 0; start < update.length; start += hidden) {
      let [xx, uu, xe, ee] = [0, 0, 0, 0];
      for (let i = start; i < start + hidden; i++) {
        const [x, u] = [stream[i], update[i]];
        const e = moved[i] - u;
        xx += x * x;
        uu += u * u;
        xe += x * e;
        ee += e * e;
      }
      if (xx === 0 || uu === 0) continue;
      sums.counted++;
      sums.along += Math.abs(xe) / Math.sqrt(xx * uu);
      sums.across += Math.sqrt(Math.max(ee - xe * xe / xx, 0) / uu);
    }
    return sums;
  },
};
