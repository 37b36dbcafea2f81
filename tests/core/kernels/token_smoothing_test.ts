import assert from "node:assert/strict";
import type { Engine } from "core/engine/mod.ts";
import fc from "fast-check";
import { readSmoothingSums, tokenSmoothing } from "core/kernels/mod.ts";
import { tokenSmoothingReference, type TokenStates } from "core/kernels/token_smoothing.ts";
import { smoothing, type SmoothingSums } from "core/measure/mod.ts";
import { assertWithin, computed, onWebgpu, u } from "./devices.ts";
import { anyStates, cases, random } from "./token_states.ts";

/** The sums of samples of the same sizes, made together. */
async function onSamples(engine: Engine, samples: readonly TokenStates[]): Promise<SmoothingSums[]> {
  const { tokens, width } = samples[0];
  const x = Float32Array.from(samples.flatMap((sample) => [...sample.x]));
  const parts = await computed(
    engine,
    { x: [[samples.length * tokens, width], x] },
    async ({ x }) => ({ ...await tokenSmoothing(engine, x, samples.length, tokens) }),
  );
  return samples.map((_, i) => {
    const part = (name: string) => {
      const size = parts[name].length / samples.length;
      return parts[name].subarray(i * size, (i + 1) * size);
    };
    return readSmoothingSums({ squares: part("squares"), sums: part("sums"), gram: part("gram") }, width);
  });
}

for (const [name, states] of Object.entries(cases)) {
  onWebgpu(`token_smoothing equals its reference: ${name}`, async (engine) => {
    const { tokens, width, x } = states;
    const [actual] = await onSamples(engine, [states]);
    const expected = tokenSmoothingReference(states);
    assert.equal(actual.counted, expected.counted);
    assert.equal(actual.skipped, expected.skipped);

    // |x|²: ⌈D/32⌉ additions in a lane, a tree of five, one product. Its root and quotient add 8 ulp to û.
    const square = (Math.ceil(width / 32) + 6) * u;
    assertWithin("Σ|x|²", [actual.squares], [expected.squares], () => square * expected.squares);
    // Sums of runs of at most 128, relative to the sum of magnitudes.
    const unit = square / 2 + 16 * u;
    const magnitudes = tokenSmoothingReference({ tokens, width, x: x.map(Math.abs) });
    assertWithin("Σx", actual.sum, expected.sum, (d) => 128 * u * magnitudes.sum[d]);
    assertWithin("Σû", actual.unitSum, expected.unitSum, (d) => (129 * u + unit) * magnitudes.unitSum[d]);
    // An entry of G is off by g relative to the product of the norms; Σ|G||û||û'| ≤ T √tr(G²) on either side. Then
    // 64 squares are added in a thread, six levels of a tree follow.
    const g = (Math.max(tokens, width) + 1) * u + 2 * unit;
    const { counted, gramSquares } = expected;
    const tolerance = 2 * g * counted * Math.sqrt(gramSquares) + 71 * u * gramSquares;
    assertWithin("tr G²", [actual.gramSquares], [gramSquares], () => tolerance);
  });
}

onWebgpu("token_smoothing of several samples is that of each alone", async (engine) => {
  for (const [tokens, width] of [[150, 70], [70, 150]]) {
    const samples = [1, 2, 3].map((seed) => random(tokens, width, 0.3, 10 * seed));
    const together = await onSamples(engine, samples);
    for (const [i, sample] of samples.entries()) {
      assert.deepEqual(together[i], (await onSamples(engine, [sample]))[0]);
    }
  }
});

/** The three measures by their definitions, from T × T and T × D tables. */
function naive({ tokens, width, x }: TokenStates) {
  const rows = Array.from({ length: tokens }, (_, t) => [...x.subarray(t * width, (t + 1) * width)]);
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, d) => sum + value * b[d], 0);
  const cosines = rows.map((a) => rows.map((b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))));
  const pairs = cosines.flatMap((row, s) => row.filter((_, t) => s !== t));
  const mean = rows[0].map((_, d) => rows.reduce((sum, row) => sum + row[d], 0) / tokens);
  const norm = (table: number[][]) => Math.sqrt(table.flat().reduce((sum, value) => sum + value * value, 0));
  const trace = cosines.reduce((sum, row, t) => sum + row[t], 0);
  return {
    meanCosine: pairs.reduce((sum, value) => sum + value, 0) / pairs.length,
    residualToRankOne: norm(rows.map((row) => row.map((value, d) => value - mean[d]))) / norm(rows),
    participationRatio: trace ** 2 / norm(cosines) ** 2,
  };
}

const measure = (states: TokenStates) => smoothing(tokenSmoothingReference(states));

/** Equal to `digits`: float64 sums of at most 144 terms; float32 where inputs were rounded again. */
function assertSame(a: ReturnType<typeof measure>, b: ReturnType<typeof measure>, digits: number): void {
  assertWithin("mean cosine", [a.meanCosine], [b.meanCosine], () => digits);
  // The residual is a square root of a difference: compare what is under it.
  assertWithin("residual²", [a.residualToRankOne ** 2], [b.residualToRankOne ** 2], () => digits);
  const [found, expected] = [a, b].map((one) => [one.participationRatio]);
  assertWithin("participation", found, expected, () => digits * expected[0]);
}

Deno.test("smoothing: the sums give what the T × T tables give", () => {
  fc.assert(fc.property(anyStates, (states) => assertSame(measure(states), naive(states), 1e-13)));
});

Deno.test("smoothing does not depend on the order of tokens", () => {
  fc.assert(fc.property(anyStates, (states) => {
    const { width, tokens } = states;
    const x = states.x.map((_, i) => states.x[(tokens - 1 - Math.floor(i / width)) * width + i % width]);
    assertSame(measure({ ...states, x }), measure(states), 1e-13);
  }));
});

Deno.test("smoothing does not depend on the scale; cosine and participation not on each token's own", () => {
  fc.assert(fc.property(anyStates, fc.integer({ min: -20, max: 20 }), (states, exponent) => {
    const whole = { ...states, x: states.x.map((value) => value * 2 ** exponent) };
    assertSame(measure(whole), measure(states), 1e-13);
    const x = states.x.map((value, i) => value * 2 ** (Math.floor(i / states.width) % 5));
    const { residualToRankOne } = measure(states);
    assertSame({ ...measure({ ...states, x }), residualToRankOne }, measure(states), 1e-13);
  }));
});

Deno.test("smoothing does not change under a rotation", () => {
  fc.assert(fc.property(anyStates, fc.double({ min: 0, max: 6, noNaN: true }), (states, angle) => {
    const { width } = states;
    const x = states.x.slice();
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    for (let t = 0; t < states.tokens; t++) {
      for (let d = 0; d + 1 < width; d++) {
        const [a, b] = [x[t * width + d], x[t * width + d + 1]];
        x[t * width + d] = cos * a - sin * b;
        x[t * width + d + 1] = sin * a + cos * b;
      }
    }
    // Each token is rounded to float32 at most 2·11 times, relative to its own length.
    assertSame(measure({ ...states, x }), measure(states), 4 * 22 * u * states.tokens);
  }));
});

Deno.test("smoothing of equal, of orthogonal and of no tokens", () => {
  const equal = measure(cases["equal tokens"]);
  assert.ok(Math.abs(equal.meanCosine - 1) < 1e-12 && Math.abs(equal.participationRatio - 1) < 1e-12);
  assert.ok(equal.residualToRankOne < 1e-6);
  const identity = Float32Array.from({ length: 25 }, (_, i) => i % 6 === 0 ? 1 : 0);
  const orthogonal = measure({ tokens: 5, width: 5, x: identity });
  assert.deepEqual([orthogonal.meanCosine, orthogonal.participationRatio], [0, 5]);
  assert.ok(Math.abs(orthogonal.residualToRankOne - Math.sqrt(0.8)) < 1e-15);
  const none = measure(cases["nothing but zeros"]);
  assert.ok(Object.values(none).every(Number.isNaN));
  assert.ok(Number.isNaN(measure(cases["one token"]).meanCosine));
});
