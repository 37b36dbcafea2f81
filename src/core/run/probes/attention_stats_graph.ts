/**
 * Attention statistics as graph outputs, over chunks of queries.
 *
 * For the CPU alone. It counts with MatMulInteger, which WebGPU does not have and CUDA hands to the CPU (u8 × i8): on both our
 * own kernel makes the statistics of q and k (attention_stats.ts).
 *
 * The scores of one chunk against the keys that it sees are the largest thing that exists: O(T) memory, never T × T. What
 * is cheap for a reader to finish, in float64 and a few numbers a query, is given raw (`RAW_STATS`).
 *
 * T = 8192 makes 9e9 scores in a model of 30 layers and 9 heads, so every pass over them counts. Measured on two busy
 * cores, nanoseconds a score (of rows of 4096):
 *
 *     product q·k                                       1.5
 *     16 largest: TopK 1.2; largest of 16 blocks, then TopK of those blocks' 256: 1.4
 *     softmax                                           0.4
 *     count below 1 %: bytes, by an integer product 0.25; Cast to float32 and ReduceSum 1.0; Sign 1.7
 *     Σ A·S, Σ A²: Mul and ReduceSum 0.14 each; ReduceSumSquare 0.85; a product of 1 × n with n × 1: 2.2
 *     hiding later keys: Add 0.1
 *     Σ A·distance: a product with one column 0.05
 */
import { queryPositions } from "../../measure/mod.ts";
import {
  type AttentionSpec,
  type AttentionTaps,
  causalMask,
  type Extent,
  type KeySpan,
  keySpan,
  last,
  type Mask,
  spanMask,
} from "../../models/mod.ts";
import { scalar, softcap, type Value } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import { float32 } from "../../tensor/mod.ts";

/**
 * The outputs for each head and query, S being the scores over the chunk's keys and A = softmax(S): largest S,
 * largest A, sum of the 16 largest A, A of the chunk's first key, Σ A·S, Σ A², how many A are below 1 % of the largest
 * (hidden keys included), and Σ A·(distance from the chunk's last key).
 */
export const RAW_STATS = [
  "largestScore",
  "largestShare",
  "top16Mass",
  "firstShare",
  "meanScore",
  "squares",
  "below",
  "reach",
] as const;

/**
 * Queries of a chunk at most. At T = 8192 each chunk's nodes take some 0.2 MB and each of its queries 1.5 MB of scores, so
 * memory is least between 32 and 64; the product is slower with fewer rows.
 */
const QUERIES = 48;

/** Queries by position, and the keys that at least one of them sees, up to the last query's own. */
type Chunk = { readonly positions: readonly number[]; readonly keys: KeySpan };

/** Every `stride`-th of T queries in chunks. */
export function chunksOf(length: number, stride: number, spec: Pick<AttentionSpec, "window">): Chunk[] {
  const all = queryPositions(length, stride);
  return Array.from({ length: Math.ceil(all.length / QUERIES) }, (_, i) => {
    const positions = all.slice(i * QUERIES, (i + 1) * QUERIES);
    return { positions, keys: keySpan(spec, positions[0], positions.at(-1)! + 1) };
  });
}

/** `RAW_STATS` of every sample, head and query, [B, H, Q, 8]. */
export function rawAttentionStats(
  { q, k }: AttentionTaps,
  spec: AttentionSpec,
  { samples, length }: Extent,
  stride: number,
): Value {
  const chunks = chunksOf(length, stride, spec);
  const tables = chunkTables(q, spec, chunks, stride);
  const scaled = op.Mul(k, scalar(k.graph, spec.scale));
  const perSample = Array.from({ length: samples }, (_, sample) => {
    const start = sample * length;
    const own = op.Reshape(op.Slice(scaled, start, start + length, 0), [length, spec.kvHeads, spec.headSize]);
    const keys = op.Transpose(own, [1, 2, 0]);
    const stats = chunks.map((chunk) => {
      const rows = op.Slice(q, start + chunk.positions[0], start + chunk.keys.end, 0, stride);
      const { from, end } = chunk.keys;
      return chunkStats(scores(rows, op.Slice(keys, from, end, 2), spec, chunk, tables), chunk, tables);
    });
    return op.Reshape(op.Concat(stats, 1), [1, spec.heads, -1, RAW_STATS.length]);
  });
  return op.Concat(perSample, 0);
}

/** Tables that all chunks share, their rows and columns counted from the last: a chunk takes the last of each. */
interface ChunkTables {
  readonly mask: Mask;
  /** [columns of the mask, 1]: distance from the last key. */
  readonly reach: Value;
  /** Ones, i8 [n, 1], for the n keys of the largest chunk. */
  readonly ones: Value;
  readonly onePercent: Value;
}

function chunkTables(
  q: Value,
  { window }: AttentionSpec,
  chunks: readonly Chunk[],
  stride: number,
): ChunkTables {
  const { graph } = q;
  const rows = chunks[0].positions.length;
  const columns = Math.max(1, ...chunks.map(({ keys: { from, end } }) => end - from));
  const reach = Float32Array.from({ length: columns }, (_, i) => columns - 1 - i);
  return {
    mask: causalMask(q, { rows, columns, window, stride }),
    reach: graph.constant(float32([columns, 1], reach)),
    ones: graph.constant({ dtype: "i8", shape: [columns, 1], data: new Int8Array(columns).fill(1) }),
    onePercent: scalar(graph, 0.01),
  };
}

/** [H, n, keys] of a chunk's queries [n, H·E] and keys [K, E, keys]; head h reads key head ⌊h / (H/K)⌋. */
function scores(
  queries: Value,
  keys: Value,
  { heads, kvHeads, headSize, softcap: cap }: AttentionSpec,
  { positions, keys: span }: Chunk,
  { mask }: ChunkTables,
): Value {
  const [n, seen] = [positions.length, span.end - span.from];
  const byHead = op.Transpose(op.Reshape(queries, [n, heads, headSize]), [1, 0, 2]);
  const products = op.MatMul(op.Reshape(byHead, [kvHeads, heads / kvHeads * n, headSize]), keys);
  const all = op.Reshape(cap ? softcap(products, cap) : products, [heads, n, seen]);
  return op.Add(all, spanMask(mask, span, n));
}

/** `RAW_STATS` of scores [H, n, keys]: [H, n, 8]. */
function chunkStats(scores: Value, { keys }: Chunk, tables: ChunkTables): Value {
  const seen = keys.end - keys.from;
  const shares = op.Softmax(scores, -1);
  const top = op.TopK(scores, Math.min(16, seen));
  const topShares = op.GatherElements(shares, top.indices, 2);
  const largest = op.Slice(topShares, 0, 1, 2);
  const below = op.Less(shares, op.Mul(largest, tables.onePercent));
  const raw: Record<typeof RAW_STATS[number], Value> = {
    largestScore: op.Slice(top.values, 0, 1, 2),
    largestShare: largest,
    top16Mass: op.ReduceSum(topShares, [2], 1),
    firstShare: op.Slice(shares, 0, 1, 2),
    meanScore: op.ReduceSum(op.Mul(shares, scores), [2], 1),
    squares: op.ReduceSum(op.Mul(shares, shares), [2], 1),
    below: op.Cast(
      op.MatMulInteger(op.Cast(below, "u8"), last(tables.ones, seen, tables.mask.columns, 0)),
      "f32",
    ),
    reach: op.MatMul(shares, last(tables.reach, seen, tables.mask.columns, 0)),
  };
  return op.Concat(RAW_STATS.map((name) => raw[name]), 2);
}
