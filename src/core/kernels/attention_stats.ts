/**
 * Statistics of the attention pattern of every head: entropy, first-token share, sparsity, reach.
 *
 * Query t sees the keys j ≤ t with t − j < window; A is the softmax of its scores. Sources: entropy and effective keys
 * 1/ΣA² are standard; the share below 1 % of the row's maximum is H2O's sparsity; the mean over queries of the share on
 * token 0 is Gu et al.'s sink score (arXiv 2410.10781) of the first key.
 *
 * Exact for every query; with a stride s, exact for every s-th one. The kernel keeps O(T) memory and works in float32;
 * the reference keeps one row and works in float64.
 */
import { sum } from "../entry/mod.ts";
import type { Engine, Held } from "../engine/mod.ts";
import { PATTERN_NAMES, type PatternName, queryPositions } from "../measure/mod.ts";
import { type Kernel, type Params, paramTypes } from "./kernel.ts";
import { launch } from "./launch.ts";

/** How scores are made of the queries and keys of one sample and layer. */
export interface AttentionSizes {
  /** T. */
  readonly tokens: number;
  /** H query heads. */
  readonly heads: number;
  /** K key heads; K divides H, head h reads key head ⌊h / (H/K)⌋. */
  readonly keyHeads: number;
  /** E. */
  readonly size: number;
  /** Factor of q·k, usually 1/√E. */
  readonly scale: number;
  /** Keys a query sees, itself included; all by default. */
  readonly window?: number | undefined;
  /** Scores become c · tanh(score / c); none by default. */
  readonly softcap?: number | undefined;
  /** Use every k-th query; default: 1. */
  readonly stride?: number | undefined;
}

/** Queries and keys of one sample and layer, after the rotary embedding. */
export interface AttentionInput extends AttentionSizes {
  /** [T, H, E] */
  readonly q: Float32Array<ArrayBuffer>;
  /** [T, K, E] */
  readonly k: Float32Array<ArrayBuffer>;
}

/**
 * Statistics by name, each [H, Q] row-major over the queries at `positions`.
 * `entropy` in nats; `normalizedEntropy` = entropy / ln n with n visible keys (0 if n = 1: leave it out of a mean);
 * `firstShare` (first-token share) and `top16Mass` (mass on the top 16 keys) as fractions of A; `belowOnePercent` a
 * fraction of the n entries; `meanDistance` in tokens.
 */
export interface AttentionStats {
  readonly positions: number[];
  readonly stats: Readonly<Record<PatternName, Float32Array | Float64Array>>;
}

const tile = 64;

export const attentionStatsKernel: Kernel = {
  name: "attention_stats",
  bindings: [
    { name: "q", role: "in", shape: (p) => [p.samples, p.tokens, p.heads, p.size] },
    { name: "k", role: "in", shape: (p) => [p.samples, p.tokens, p.key_heads, p.size] },
    { name: "stats", role: "out", shape: (p) => [p.samples, PATTERN_NAMES.length, p.heads, p.queries] },
  ],
  params: paramTypes("samples tokens queries heads key_heads size first stride window", "scale softcap"),
  stages: [{
    entry: "attention_stats",
    block: 64,
    grid: (p) => [Math.ceil(p.queries / tile), p.heads, p.samples],
  }],
};

/** Parameters of the kernel, and the queries it looks at. Throws `RangeError` for sizes that do not fit together. */
function attentionStatsParams(
  samples: number,
  { tokens, heads, keyHeads, size, scale, window = tokens, softcap = 0, stride = 1 }: AttentionSizes,
): { params: Params; positions: number[] } {
  for (const [name, value] of Object.entries({ tokens, heads, keyHeads, size, window, stride })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`Cannot measure attention: ${name} is ${value}, expected a positive integer`);
    }
  }
  if (heads % keyHeads !== 0) {
    throw new RangeError(
      `Cannot measure attention: ${heads} heads, expected a multiple of ${keyHeads} key heads`,
    );
  }
  if (!(softcap >= 0)) {
    throw new RangeError(`Cannot measure attention: softcap is ${softcap}, expected at least 0`);
  }
  const positions = queryPositions(tokens, stride);
  const params = {
    samples,
    tokens,
    queries: positions.length,
    heads,
    key_heads: keyHeads,
    size,
    first: positions[0],
    stride: Math.min(stride, tokens),
    window: Math.min(window, tokens),
    scale,
    softcap,
  };
  return { params, positions };
}

/** The statistics [S, 7, H, Q] of held q [S, T, H, E] and k [S, T, K, E], in the engine's memory. */
export async function attentionStats(
  engine: Pick<Engine, "name" | "access">,
  inputs: { readonly q: Held; readonly k: Held },
  samples: number,
  sizes: AttentionSizes,
): Promise<Held> {
  const { params } = attentionStatsParams(samples, sizes);
  const { stats } = await launch(engine, attentionStatsKernel, { ...inputs }, params);
  return stats;
}

/** The statistics of one sample, [7, H, Q] as the kernel has written them. */
export function readAttentionStats(
  stats: Float32Array,
  { tokens, stride = 1 }: Pick<AttentionSizes, "tokens" | "stride">,
): AttentionStats {
  return { positions: queryPositions(tokens, stride), stats: planes(stats) };
}

/** The same in plain float64, one row at a time. */
export function attentionStatsReference(input: AttentionInput): AttentionStats {
  const { positions } = attentionStatsParams(1, input);
  const stats = planes(new Float64Array(PATTERN_NAMES.length * input.heads * positions.length));
  for (let h = 0; h < input.heads; h++) {
    positions.forEach((t, i) => {
      const row = statsOfRow(attentionScores(input, h, t), keysSeen(input, t), t);
      for (const name of PATTERN_NAMES) stats[name][h * positions.length + i] = row[name];
    });
  }
  return { positions, stats };
}

/** The keys that query t sees, the oldest first. */
function keysSeen({ tokens, window = tokens }: AttentionSizes, t: number): Uint32Array {
  const visible = Math.min(t + 1, window);
  return Uint32Array.from({ length: visible }, (_, i) => i + t + 1 - visible);
}

/** Scores of head h's query t over the keys it sees, the oldest first. */
export function attentionScores(input: AttentionInput, h: number, t: number): Float64Array {
  const { heads, keyHeads, size, scale, q, k, softcap = 0 } = input;
  const keyHead = Math.floor(h / (heads / keyHeads));
  const query = (t * heads + h) * size;
  return Float64Array.from(keysSeen(input, t), (position) => {
    const key = (position * keyHeads + keyHead) * size;
    let dot = 0;
    for (let e = 0; e < size; e++) dot += q[query + e] * k[key + e];
    const score = dot * scale;
    return softcap ? softcap * Math.tanh(score / softcap) : score;
  });
}

/** What head h's query t gives to the keys 0 … t, 1 in all: the softmax of its scores, with zeros for keys that a window hides. */
export function attentionRow(input: AttentionInput, h: number, t: number): Float64Array {
  const { shares } = softmax(attentionScores(input, h, t));
  const row = new Float64Array(t + 1);
  keysSeen(input, t).forEach((key, i) => row[key] = shares[i]);
  return row;
}

/** Shares that are 1 in all, the largest score, and the sum of e^(score − largest). */
function softmax(scores: Float64Array): { shares: Float64Array; largest: number; total: number } {
  const largest = scores.reduce((a, b) => Math.max(a, b));
  const weights = scores.map((score) => Math.exp(score - largest));
  const total = sum(weights);
  return { shares: weights.map((weight) => weight / total), largest, total };
}

function statsOfRow(scores: Float64Array, keys: Uint32Array, t: number): Record<PatternName, number> {
  const { shares, largest, total } = softmax(scores);
  const entropy = Math.log(total) + sum(scores.map((score, i) => shares[i] * (largest - score)));
  return {
    entropy,
    normalizedEntropy: shares.length > 1 ? entropy / Math.log(shares.length) : 0,
    firstShare: keys[0] === 0 ? shares[0] : 0,
    effectiveKeys: 1 / sum(shares.map((share) => share * share)),
    top16Mass: sum(shares.toSorted((a, b) => b - a).slice(0, 16)),
    belowOnePercent: scores.filter((score) => score - largest < Math.log(0.01)).length / scores.length,
    meanDistance: sum(shares.map((share, i) => share * (t - keys[i]))),
  };
}

/** [7, H, Q] as one view per name. */
function planes<A extends Float32Array | Float64Array>(stats: A): Record<PatternName, A> {
  const size = stats.length / PATTERN_NAMES.length;
  const views = PATTERN_NAMES.map((name, i) => [name, stats.subarray(i * size, (i + 1) * size)]);
  return Object.fromEntries(views) as Record<PatternName, A>;
}
