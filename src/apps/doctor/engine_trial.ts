/**
 * An engine tried out: a small product, products with weights in blocks, then causal attention in the operators that the engine has,
 * beside plain float64.
 *
 * The tolerance of attention, relative to the largest element, is four times √E u max|score| with u = 2^-24, since an error e
 * of a score is a factor 1 + e of its weight.
 */
import { sum } from "core/entry/mod.ts";
import { type Engine, runOnce, tryProduct } from "core/engine/mod.ts";
import { type AttentionInput, attentionScores, normals } from "core/kernels/mod.ts";
import { attend, type AttentionSpec } from "core/models/mod.ts";
import { createGraph } from "core/onnx/mod.ts";
import { tryBlocks } from "./block_trial.ts";
import type { Tensor } from "core/tensor/mod.ts";

const UNIT = 2 ** -24;
/** T, H, K, E. */
const [TOKENS, HEADS, KEY_HEADS, SIZE] = [40, 4, 2, 16];
/** Nothing around it, no window and no soft cap. */
const PLAIN: Omit<AttentionSpec, "scale"> = {
  norm: { pre: null, post: null },
  heads: HEADS,
  kvHeads: KEY_HEADS,
  headSize: SIZE,
  rope: { theta: 1e4, size: 0, scaling: null },
  window: null,
  softcap: null,
  bias: { qkv: false, output: false },
};

/** Throws `Error` where what comes out is not what it should be. */
export async function tryEngine(engine: Engine): Promise<void> {
  await tryProduct(engine);
  await tryBlocks(engine);
  await tryAttention(engine);
  if (engine.live > 0) throw new Error(`found ${engine.live} tensors still held at the end, expected 0`);
}

async function tryAttention(engine: Engine): Promise<void> {
  const scale = SIZE ** -0.5;
  const [q, k, v] = [HEADS, KEY_HEADS, KEY_HEADS].map((heads, i) => normals([TOKENS, heads * SIZE], 3 + i));
  const graph = createGraph();
  const value = (name: string, { shape }: Tensor) => graph.input(name, "f32", shape);
  const heads = { q: value("q", q), k: value("k", k), v: value("v", v) };
  const extent = { samples: 1, length: TOKENS };
  graph.output("y", attend({ ...PLAIN, scale }, heads, extent, engine.has));
  const input: AttentionInput = {
    tokens: TOKENS,
    heads: HEADS,
    keyHeads: KEY_HEADS,
    size: SIZE,
    q: q.data,
    k: k.data,
    scale,
  };
  let largest = 1;
  const expected = Array.from({ length: TOKENS }, (_, t) =>
    Array.from({ length: HEADS }, (_, head) => {
      const scores = attentionScores(input, head, t);
      largest = Math.max(largest, ...scores.map(Math.abs));
      return mixed(scores, v.data, Math.floor(head * KEY_HEADS / HEADS));
    }).flat()).flat();
  expectClose(await runOnce(engine, graph, { q, k, v }), expected, Math.sqrt(SIZE) * largest);
}

/** Values of the keys 0 … t, weighed by the softmax of their scores: [E]. */
function mixed(scores: ArrayLike<number>, values: Float32Array, keyHead: number): number[] {
  const weights = Array.from(scores, Math.exp); // normal scores: none overflows
  const all = sum(weights);
  const valueAt = (key: number, e: number) => values[(key * KEY_HEADS + keyHead) * SIZE + e];
  return Array.from(
    { length: SIZE },
    (_, e) => sum(weights.map((weight, key) => weight / all * valueAt(key, e))),
  );
}

/** `errors`: the error of an element in units of roundoff, relative to the largest. */
function expectClose(actual: Float32Array, expected: readonly number[], errors: number): void {
  const largest = Math.max(...expected.map(Math.abs));
  const off = Math.max(...expected.map((value, i) => Math.abs(value - actual[i]))) / largest;
  const most = 4 * errors * UNIT;
  if (off <= most) return; // not where it is NaN
  throw new Error(
    `attention is off by ${off.toPrecision(2)} of its largest element, expected at most ` +
      `${most.toPrecision(2)}`,
  );
}
