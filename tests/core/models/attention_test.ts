/**
 * Attention in every lowering, at lengths on both sides of a slice of queries (256) and of the 32 tokens from which on some
 * libraries take other ways, head by head and key by key in float64.
 *
 * With an output projection that changes nothing, `a` is what attention mixes; q, k and v are taken where they meet, so
 * that rotation and projections (which the fixtures check) stay out of it. Tolerance: a mean of values in float32, its
 * weights from scores of E products: 4 · √E · u · max|score| relative, as an error e of a score is a factor 1 + e of its weight.
 */
import assert from "node:assert/strict";
import { type AttentionTaps, layerTensors, mixerGraph, ropeTables } from "core/models/mod.ts";
import type { SoftmaxSpec } from "core/models/modules/softmax.ts";
import { cpuLowering, type Lowering } from "core/onnx/mod.ts";
import { float32, type Tensor } from "core/tensor/mod.ts";
import { distance, largest } from "../../model.ts";
import { byTurns, runGraph, UNIT } from "../../support.ts";
import { normal } from "./drawn.ts";

const LENGTHS = [7, 33, 130, 300, 600];
const HEADS = 4;
const ways: Lowering["attention"][] = ["grouped", "grouped-without-softcap", "standard", "decomposed"];

function specOf(changes: Partial<SoftmaxSpec>): SoftmaxSpec {
  const headSize = changes.headSize ?? 8;
  return {
    kind: "softmax",
    norm: { pre: { kind: "rms", epsilon: 1e-6 }, post: null },
    heads: HEADS,
    kvHeads: 2,
    headSize,
    scale: 1.5 * headSize ** -0.5,
    rope: { theta: 1e4, size: headSize, scaling: null },
    window: null,
    softcap: null,
    qkNorm: null,
    bias: { qkv: false, output: false },
    ...changes,
  };
}

/** [N · T, H · E], keys and values [N · T, K · E]; `a` is what was mixed, and `ready` the input of the output projection. */
type Mixing = Record<"q" | "k" | "v" | "a", Float32Array>;

/** Runs the module over `samples` texts of `length` tokens, random streams. */
async function run(
  spec: SoftmaxSpec,
  samples: number,
  length: number,
  attention: Lowering["attention"],
): Promise<Mixing> {
  const hidden = spec.heads * spec.headSize;
  const lowering = { ...cpuLowering, attention };
  const tap = ({ q, k, v }: AttentionTaps) => ({ q, k, v });
  const graph = mixerGraph(spec, hidden, { samples, length }, { lowering, tap });
  const needs = layerTensors({ attention: spec }, hidden);
  const feeds: Record<string, Tensor> = {
    x: normal([samples * length, hidden], 0),
    ...ropeTables(spec.rope!, length),
  };
  needs.forEach(([name, shape], i) => {
    feeds[name] = normal(shape, i + 1, hidden ** -0.5);
    if (name === "attention.o_proj.weight") {
      const identity = new Float32Array(hidden ** 2).map((_, i) => Number(i % (hidden + 1) === 0));
      feeds[name] = float32(shape, identity);
    }
    if (name.endsWith("norm.weight")) feeds[name] = float32(shape, new Float32Array(hidden).fill(1));
  });
  const outputs = Object.entries(await runGraph(graph, feeds));
  return Object.fromEntries(outputs.map(([name, { data }]) => [name, data])) as unknown as Mixing;
}

/** What query t of a head sees, and how much of each; also the largest score met. */
function expected(spec: SoftmaxSpec, { q, k, v }: Omit<Mixing, "a">, samples: number, length: number) {
  const { heads, kvHeads, headSize: E, scale, window, softcap } = spec;
  const mixed = new Float64Array(q.length);
  let most = 0;
  for (let row = 0; row < samples * length; row++) {
    const start = row - row % length;
    const seen = Array.from({ length: row + 1 - start }, (_, i) => start + i)
      .filter((key) => row - key < (window ?? Infinity));
    for (let head = 0; head < heads; head++) {
      const group = Math.trunc(head / (heads / kvHeads));
      const scores: number[] = [];
      for (const key of seen) {
        let score = 0;
        for (let e = 0; e < E; e++) {
          score += q[(row * heads + head) * E + e] * k[(key * kvHeads + group) * E + e];
        }
        scores.push(softcap ? softcap * Math.tanh(score * scale / softcap) : score * scale);
        most = Math.max(most, Math.abs(score * scale));
      }
      const weights = scores.map(Math.exp);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, i) => {
        for (let e = 0; e < E; e++) {
          mixed[(row * heads + head) * E + e] += weight / total * v[(seen[i] * kvHeads + group) * E + e];
        }
      });
    }
  }
  return { mixed, most };
}

const variants: Record<string, [spec: Partial<SoftmaxSpec>, samples: number]> = {
  "grouped heads, two texts": [{}, 2],
  "heads of 12": [{ headSize: 12 }, 2],
  "heads of 7, 4 of it rotated": [{ headSize: 7, rope: { theta: 1e4, size: 4, scaling: null } }, 2],
  "heads of 6, with a cap": [{ headSize: 6, softcap: 1.5 }, 1],
  "a head of keys for each of queries": [{ kvHeads: HEADS }, 1],
  "one head of keys": [{ kvHeads: 1 }, 2],
  "a window inside a slice": [{ window: 7 }, 2],
  "a window of one key": [{ window: 1 }, 1],
  "a window across slices": [{ window: 300 }, 1],
  "a soft cap": [{ softcap: 1.5 }, 1],
  "a soft cap and a window": [{ softcap: 1.5, window: 256 }, 2],
};

for (const [i, way] of ways.entries()) {
  for (const [j, [name, [changes, samples]]] of Object.entries(variants).entries()) {
    Deno.test(`attention, ${way}: ${name}`, async () => {
      const spec = specOf(changes);
      for (const length of byTurns(LENGTHS, i + j)) {
        const { a, ...inputs } = await run(spec, samples, length, way);
        const { mixed, most } = expected(spec, inputs, samples, length);
        const error = distance(a, mixed) / largest(inputs.v);
        const tolerance = 4 * Math.sqrt(spec.headSize) * UNIT * Math.max(1, most);
        assert.ok(error <= tolerance, `${length} tokens: relative error ${error}, at most ${tolerance}`);
      }
    });
  }
}

Deno.test("slices are short where many heads and keys would make too many scores", async () => {
  const spec = { ...specOf({ headSize: 2, kvHeads: 8 }), heads: 256 };
  const length = 525; // 256 · 525 scores a query, 124 queries of them below 16 million
  const { a, ...inputs } = await run(spec, 1, length, "decomposed");
  const grouped = await run(spec, 1, length, "grouped");
  const most = largest(inputs.q) * largest(inputs.k) * spec.headSize * spec.scale;
  const tolerance = 2 * 4 * Math.sqrt(spec.headSize) * UNIT * Math.max(1, most);
  assert.ok(distance(a, grouped.a) / largest(inputs.v) <= tolerance);
});

for (const way of ways) {
  Deno.test(`a window that hides nothing gives full attention to the bit, ${way}`, async () => {
    for (const [length, changes] of [[33, { window: 33 }], [300, { window: 300 }]] as const) {
      const [full, wide] = await Promise.all([{}, changes].map((own) => run(specOf(own), 2, length, way)));
      assert.deepEqual(wide, full);
    }
  });
}
