/**
 * The probe of attention patterns: the seven statistics of `kernels/attention_stats`, by layer, head and query.
 *
 * On the CPU they are outputs of the attention's own graph (attention_stats_graph.ts) and are finished here. On a device, the
 * kernel makes them of q and k, which stay there. Memory is O(T) either way.
 *
 * Limits: the CPU's are float32. Entropy is max S − Σ A·S − ln max A, which is off by a few roundings of the largest |S|,
 * as the scores themselves are; where it comes out below 0 it is 0. Where heads have learned sinks, the shares are those of the keys
 * alone, as if there were none.
 */
import {
  type AttentionSizes,
  type AttentionStats,
  attentionStats,
  readAttentionStats,
} from "../../kernels/mod.ts";
import { PATTERN_NAMES, type PatternName } from "../../measure/mod.ts";
import type { Feeds } from "../../engine/mod.ts";
import { type AttentionSpec, type LayerSpec, scoring } from "../../models/mod.ts";
import type { Value } from "../../onnx/mod.ts";
import { chunksOf, RAW_STATS, rawAttentionStats } from "./attention_stats_graph.ts";
import { type Probe, samplesIn } from "./probe.ts";

/**
 * A probe of the attention patterns of every `stride`-th query (1 is exact) of plan number `plan`, which leaves these `layers`. `stats`
 * has, by layer and sample, what `reduce` makes of the statistics, which are too large to keep of a long text; null for a layer whose
 * attention the plan did not run, or is linear. Throws `RangeError` for a stride that is no positive integer.
 */
export function attentionStatsProbe<T>(
  layers: readonly LayerSpec[],
  reduce: (stats: AttentionStats) => T,
  { stride = 1, plan = 0 }: { readonly stride?: number | undefined; readonly plan?: number | undefined } = {},
): Probe & { readonly stats: (T[] | null)[] } {
  if (!Number.isInteger(stride) || stride < 1) {
    throw new RangeError(`Cannot measure attention: stride is ${stride}, expected a positive integer`);
  }
  const stats: (T[] | null)[] = layers.map(() => null);
  const [inGraph, byKernel] = [`attention_stats_${stride}`, `attention_stats_kernel_${stride}`];
  return {
    stats,
    only: [plan],
    attention(taps, spec, extent): Record<string, Value> {
      const scored = scoring(spec);
      return scored ? { [inGraph]: rawAttentionStats(taps, scored, extent, stride) } : {};
    },
    kernels: {
      async attention(engine, held, spec, { samples, length }): Promise<Feeds> {
        const scored = scoring(spec);
        if (!scored) return {};
        const sizes = attentionSizes(scored, length, stride);
        return { [byKernel]: await attentionStats(engine, held, samples, sizes) };
      },
    },
    observeAttention(seen) {
      const { layer, first, length } = seen;
      const spec = scoring(layers[layer].attention);
      if (!spec) return;
      const samples = stats[layer] ??= [];
      const read = byKernel in seen.outputs
        ? (own: Float32Array) => readAttentionStats(own.slice(), { tokens: length, stride })
        : (own: Float32Array) => finished(own, spec, length, stride);
      samplesIn(seen, byKernel in seen.outputs ? byKernel : inGraph)
        .forEach((own, i) => samples[first + i] = reduce(read(own)));
    },
  };
}

/** The sizes of an attention over `tokens` tokens, for kernels and their references. */
export function attentionSizes(spec: AttentionSpec, tokens: number, stride = 1): AttentionSizes {
  const { heads, kvHeads: keyHeads, headSize: size, scale } = spec;
  const [window, softcap] = [spec.window ?? undefined, spec.softcap ?? undefined];
  return { tokens, heads, keyHeads, size, scale, window, softcap, stride };
}

/** The statistics of one sample from its `RAW_STATS` [H, Q, 8]. */
function finished(raw: Float32Array, spec: AttentionSpec, length: number, stride: number): AttentionStats {
  const most = spec.window ?? length;
  const queries = chunksOf(length, stride, spec)
    .flatMap((chunk) => chunk.positions.map((position) => ({ chunk, position })));
  const stats = Object.fromEntries(
    PATTERN_NAMES.map((name) => [name, new Float32Array(spec.heads * queries.length)]),
  ) as Record<PatternName, Float32Array>;
  for (let row = 0; row < spec.heads * queries.length; row++) {
    const { chunk: { keys }, position } = queries[row % queries.length];
    const [largestScore, largestShare, top16Mass, firstShare, meanScore, squares, below, reach] = raw
      .subarray(row * RAW_STATS.length, (row + 1) * RAW_STATS.length);
    const visible = Math.min(position + 1, most); // keys; its chunk sees more
    const hidden = keys.end - keys.from - visible;
    const entropy = Math.max(0, largestScore - meanScore - Math.log(largestShare));
    const found: Record<PatternName, number> = {
      entropy,
      normalizedEntropy: visible > 1 ? entropy / Math.log(visible) : 0,
      firstShare: keys.from === 0 ? firstShare : 0,
      effectiveKeys: 1 / squares,
      top16Mass,
      belowOnePercent: (below - hidden) / visible,
      meanDistance: Math.max(0, reach - (keys.end - 1 - position)),
    };
    for (const name of PATTERN_NAMES) stats[name][row] = found[name];
  }
  return { positions: queries.map(({ position }) => position), stats };
}
