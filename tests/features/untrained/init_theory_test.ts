/** The closed form of an untrained model, where it can be worked out by hand. */
import assert from "node:assert/strict";
import { initTheory, type Untrained } from "features/untrained/theory/init_theory.ts";
import { keyWeight } from "features/untrained/theory/effective_keys.ts";
import { fillNormal, streamKeys } from "core/tensor/mod.ts";

const base: Untrained = {
  ...{ hidden: 1000, layers: 1, attentionWidth: 500, feedForward: 3000, gated: false, activation: (x) => x },
  ...{ placement: "pre", epsilon: 0, parallel: false, std: 0.01, residualStd: 0.01 },
  ...{ embeddingScale: 1, logitScale: 0, qkNorm: false },
};
const moved = (ratio: number) => 1 - 1 / Math.sqrt(1 + ratio);
const close = (actual: number, expected: number, name: string, bound = 1e-9) =>
  assert.ok(Math.abs(actual / expected - 1) < bound, `${name}: ${actual}, expected ${expected}`);

Deno.test("one token: each module adds the variance that its widths say", () => {
  const [s, v] = [1000 * 0.01 ** 2, 0.01 ** 2];
  const a = s * 500 * 0.01 ** 2;
  const m = 3000 * 0.01 ** 2 * s; // E g² = s
  const { attention: [first], mlp: [second], block: [both] } = initTheory(base, [3]);
  close(first, moved(a / v), "attention");
  close(second, moved(m / (v + a)), "MLP");
  close(both, moved((a + m) / v), "block");
  const gated = initTheory({ ...base, gated: true }, [3]);
  close(gated.mlp[0], moved(m * s / (v + a)), "gated MLP");
  const parallel = initTheory({ ...base, parallel: true }, [3]);
  close(parallel.mlp[0], moved(m / v), "parallel MLP");
  const halved = initTheory({ ...base, residualStd: 0.005 }, [3]);
  close(halved.attention[0], moved(a / 4 / v), "scaled projection");
});

Deno.test("uniform attention: different tokens average out as 1/t, equal ones not at all", () => {
  const [s, v] = [1000 * 0.01 ** 2, 0.01 ** 2];
  const a = s * 500 * 0.01 ** 2;
  const mean = (ratios: number[]) => ratios.map(moved).reduce((x, y) => x + y) / ratios.length;
  close(initTheory(base, [1, 2, 3, 4]).attention[0], mean([1, 2, 3, 4].map((t) => a / t / v)), "different");
  close(initTheory(base, [7, 7, 7, 7]).attention[0], moved(a / v), "equal");
  // Two of three alike: (1 + 1 + 1 + 2)/9 of the variance.
  close(initTheory(base, [7, 7, 1]).attention[0], mean([a / v, a / v, a / v * 5 / 9]), "mixed");
});

Deno.test("logits that vary put more weight on single keys, at most all of it", () => {
  const ids = [1, 2, 3, 4, 5, 6, 7, 8];
  const at = (logitScale: number) => initTheory({ ...base, logitScale, qkNorm: true }, ids);
  assert.ok(at(0).attention[0] < at(0.5).attention[0] && at(0.5).attention[0] < at(2).attention[0]);
  assert.ok(at(100).attention[0] < initTheory(base, [1]).attention[0], "one key each");
  assert.equal(at(0.5).logitVariance, 0.5);
});

Deno.test("t E Σ A² of a softmax over normal logits: 1 to t, e^τ² for many keys, and a simulation's mean", () => {
  for (const variance of [0, 1e-3, 0.3, 2, 20]) close(keyWeight(variance, 1, 64), 1, "one key", 1e-6);
  for (const variance of [0.01, 0.1, 0.5]) {
    close(keyWeight(variance, 4096, 4096), Math.exp(variance), `${variance}, many keys`, 0.01);
  }
  assert.ok(keyWeight(100, 16, 64) > 12 && keyWeight(100, 16, 64) < 16);
  for (const [variance, keys] of [[0.67, 4], [1, 64], [2.7, 16], [2.7, 128], [6.5, 64]]) {
    close(keyWeight(variance, keys, 256), simulated(variance, keys), `${variance}, ${keys} keys`, 0.05);
  }
});

/** The mean over 8000 draws; its standard error is below 1.2 %. */
function simulated(variance: number, keys: number): number {
  const draws = 8000;
  const values = new Float32Array(draws * keys);
  fillNormal(values, streamKeys(1, keys, 0), 0, Math.sqrt(variance));
  let total = 0;
  for (let i = 0; i < values.length; i += keys) {
    const weights = values.subarray(i, i + keys).map(Math.exp);
    const sum = weights.reduce((a, b) => a + b);
    total += keys * weights.reduce((a, b) => a + b * b, 0) / sum ** 2;
  }
  return total / draws;
}

Deno.test("norms behind the modules: 1 − cos = 1 − 1/√(1 + 1/(v + k)) after k updates, whatever the widths", () => {
  const v = 0.01 ** 2 * 40 ** 2;
  for (const norm of ["peri", "post"] as const) {
    const spec = { ...base, placement: norm, layers: 5, embeddingScale: 40 };
    const { attention, mlp } = initTheory(spec, [1, 2, 1, 3]);
    for (let l = 0; l < 5; l++) {
      close(attention[l], moved(1 / (v + 2 * l)), `${norm} attention ${l}`);
      close(mlp[l], moved(1 / (v + 2 * l + 1)), `${norm} MLP ${l}`);
    }
  }
});

Deno.test("the series of a ReLU, which converges slowly, has its second moment", () => {
  const relu = (x: number) => Math.max(0, x);
  const { mlp: [first] } = initTheory({ ...base, activation: relu }, [3]);
  const [s, v] = [1000 * 0.01 ** 2, 0.01 ** 2];
  const a = s * 500 * 0.01 ** 2;
  // E relu² = s/2; 24 terms hold all but a part in a thousand of it.
  const expected = moved(3000 * 0.01 ** 2 * s / 2 / (v + a));
  assert.ok(Math.abs(first / expected - 1) < 2e-3, `${first}, expected ${expected}`);
});
