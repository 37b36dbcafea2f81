/** What the plain reference of attention's statistics takes, and how far those that a graph makes may be from it. */
import assert from "node:assert/strict";
import { type AttentionInput, attentionScores, type AttentionStats } from "core/kernels/mod.ts";
import { PATTERN_NAMES } from "core/measure/mod.ts";
import { type LayerSpec, scoring } from "core/models/mod.ts";
import { attentionSizes, type Probe } from "core/run/mod.ts";
import { largest } from "../../model.ts";
import { UNIT } from "../../support.ts";

/** Takes q and k of every layer as the reference wants them, by layer and sample. */
export function inputsProbe(
  layers: readonly LayerSpec[],
  stride: number,
): Probe & { inputs: AttentionInput[][] } {
  const inputs: AttentionInput[][] = layers.map(() => []);
  return {
    inputs,
    attention: ({ q, k }) => ({ seen_q: q, seen_k: k }),
    observeAttention({ layer, first, count, length, outputs }) {
      const spec = scoring(layers[layer].attention);
      if (!spec) return;
      const part = (name: string, i: number) => {
        const all = outputs[name].data as Float32Array<ArrayBuffer>;
        return all.slice(i * all.length / count, (i + 1) * all.length / count);
      };
      for (let i = 0; i < count; i++) {
        const [q, k] = ["seen_q", "seen_k"].map((name) => part(name, i));
        inputs[layer][first + i] = { ...attentionSizes(spec, length, stride), q, k };
      }
    },
  };
}

const known = new WeakMap<AttentionInput, AttentionInput>();

/** The magnitudes of q and k, made once for all rows. */
export const absolute = (input: AttentionInput): AttentionInput =>
  known.getOrInsertComputed(input, () => (
    { ...input, q: input.q.map(Math.abs), k: input.k.map(Math.abs), softcap: 0 }
  ));

/**
 * Tolerances of one query's statistics, from what float32 promises.
 *
 * A score is off by at most δ: E roundings of Σ|q||k|·scale, two of the score, and with a soft cap 16 of the cap (the
 * hyperbolic tangent, a division, a product). A share is then off by the factor 1 ± r: 2δ, a few ulp of exp (8 and 2 of
 * its argument) and the n additions of the softmax; a sum over shares by n more. Shares below the smallest normal float32
 * may be flushed to zero. Entropy is made of S, which Σ A·S multiplies by what is off in Σ A, and of a logarithm that
 * WGSL promises to 2⁻²¹. Where q and k come from another library each may be off by `state`, relative to the largest.
 */
export function tolerances(
  input: AttentionInput,
  h: number,
  t: number,
  state = 0,
): Record<string, (value: number) => number> {
  const scores = attentionScores(input, h, t);
  const n = scores.length;
  const most = largest(scores);
  const depth = Math.max(...scores) - Math.min(...scores);
  const delta = ((input.size + 3) * UNIT + 2 * state) * largest(attentionScores(absolute(input), h, t)) +
    16 * UNIT * (input.softcap ?? 0);
  const r = 2 * delta + UNIT * (8 + 2 * depth + n);
  const share = (value: number) => (r + n * UNIT) * value + n * 2 ** -126;
  const edge = Math.max(...scores) + Math.log(0.01);
  const near = scores.filter((score) => Math.abs(score - edge) <= 2 * delta + UNIT * (8 + 2 * depth)).length;
  const entropy = 2 * delta + r + (r + n * UNIT) * most + 4 * UNIT * Math.log(n) + 2 ** -21;
  return {
    entropy: () => entropy,
    normalizedEntropy: () => n > 1 ? entropy / Math.log(n) : 0,
    firstShare: share,
    effectiveKeys: (value) => 2 * share(value),
    top16Mass: share,
    belowOnePercent: () => near / n + UNIT,
    // The distances in a chunk are from its last key, up to 48 strides behind the query.
    meanDistance: (value) => share(value + 48 * (input.stride ?? 1)) + n ** 2 * 2 ** -126,
  };
}

/** Fails unless the statistics of all rows are as near as they have to be. */
export function expectStats(
  found: AttentionStats,
  expected: AttentionStats,
  input: AttentionInput,
  what: string,
  state = 0,
): void {
  assert.deepEqual(found.positions, expected.positions);
  const queries = expected.positions.length;
  for (let row = 0; row < input.heads * queries; row++) {
    const [head, position] = [Math.floor(row / queries), expected.positions[row % queries]];
    const tolerance = tolerances(input, head, position, state);
    for (const name of PATTERN_NAMES) {
      const [own, wanted] = [found.stats[name][row], expected.stats[name][row]];
      const most = tolerance[name](wanted);
      const where = `${what}, head ${head}, query ${position}: ${name} ${own}`;
      assert.ok(Math.abs(own - wanted) <= most, `${where}, expected ${wanted} ± ${most}`);
    }
  }
}
