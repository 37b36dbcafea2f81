/** The divergence of a plan from the full model, summed over slices of the vocabulary in float32, against float64. */
import assert from "node:assert/strict";
import { inColumns, merger, sliceGraph } from "core/run/head/slices.ts";
import { float32, indices } from "core/tensor/mod.ts";
import { runGraph } from "../../support.ts";

const [ROWS, WORDS, WIDTH, SLICE] = [12, 12_000, 4, 8000];
/** What a plan adds to every logit, which no prediction depends on. */
const COMMON = 24;

Deno.test("a divergence keeps its digits where a plan raises all logits alike", async () => {
  const draw = draws();
  // Multiples of 2^-6: products and logits are exact in float32, so that all error is the divergence's own.
  const steps = (count: number, most: number) => Float32Array.from({ length: count }, () => draw(most) / 64);
  const weight = steps(WORDS * WIDTH, 64).map((value, i) => i % WIDTH === 0 ? 1 : value);
  const full = steps(ROWS * WIDTH, 128);
  const plan = full.map((value, i) => i % WIDTH === 0 ? value + COMMON : value + draw(3) / 64);
  const hidden = Float32Array.from({ length: 2 * ROWS * WIDTH }, (_, i) => {
    const [row, inside] = [Math.floor(i / (2 * WIDTH)), i % (2 * WIDTH)];
    return inside < WIDTH ? full[row * WIDTH + inside] : plan[row * WIDTH + inside - WIDTH];
  });
  const rows = Int32Array.from({ length: ROWS }, (_, row) => row);
  const targets = inColumns({ rows, tokens: rows, of: rows });
  const merged = merger(ROWS, ROWS, { plans: 2, compared: true });
  for (const start of [0, SLICE]) {
    const words = Math.min(SLICE, WORDS - start);
    const graph = sliceGraph([{ plans: 2, hidden: WIDTH, cap: null }], { plans: 2, words, compared: true });
    const outputs = await runGraph(graph, {
      hidden: float32([ROWS, 2, WIDTH], hidden),
      weight: float32([words, WIDTH], weight.slice(start * WIDTH, (start + words) * WIDTH)),
      target: indices(new Int32Array(2 * ROWS), [ROWS, 2, 1]),
    });
    merged.add(targets, { row: 0, target: 0 }, [start, start + words], outputs);
  }
  const found = merged.scores()[1].kl;
  const errors = found.map((kl, row) => Math.abs(kl / exactly(row, weight, full, plan) - 1));
  assert.ok(Math.max(...errors) < 1e-4, `${Math.max(...errors)} relative; rows have ${found}`);
});

/** Σ p (ln p − ln q) of a row, in float64. */
function exactly(row: number, weight: Float32Array, ...streams: readonly Float32Array[]): number {
  const [p, q] = streams.map((stream) => {
    const logits = Float64Array.from({ length: WORDS }, (_, word) => {
      let sum = 0;
      for (let d = 0; d < WIDTH; d++) sum += stream[row * WIDTH + d] * weight[word * WIDTH + d];
      return sum;
    });
    const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    return logits.map((logit) => logit - total);
  });
  return p.reduce((sum, own, word) => sum + Math.exp(own) * (own - q[word]), 0);
}

/** Whole numbers from −most to most. */
function draws() {
  let state = 1;
  return (most: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.round((state / 2 ** 32 * 2 - 1) * most);
  };
}
