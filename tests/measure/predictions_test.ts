/** How far predictions lie apart: beside NumPy's numbers, and where the answer is known. */
import assert from "node:assert/strict";
import { cosine, meanPart, prediction, predictionChange, ratio95, slopePart } from "../../src/measure/mod.ts";
import { readJson } from "../fixtures/read.ts";

interface Pair {
  readonly z: number[];
  readonly other: number[];
  readonly temperature: number;
  readonly logits: number;
  readonly kl: number;
  readonly variance: number;
  readonly distance: number;
  readonly squares: number;
}

const { pairs }: { readonly pairs: Pair[] } = await readJson("tests/fixtures/generation.json");

/** Both sum at most 40 terms in float64: 40 units of 1.1e-16, of numbers up to 1 where NumPy's takes differences of such. */
const TOLERANCE = 1e-14;
const near = (found: number, expected: number) =>
  assert.ok(
    Math.abs(found - expected) <= TOLERANCE * Math.max(1, Math.abs(expected)),
    `${found}, expected ${expected}`,
  );

const changed = (z: readonly number[], other: readonly number[], temperature = 1) =>
  predictionChange(prediction(Float32Array.from(z), temperature), Float32Array.from(other));

for (const { z, other, temperature, ...expected } of pairs) {
  Deno.test(`${z.length} logits that move to KL ${expected.kl.toPrecision(2)} are as far apart as NumPy says`, () => {
    const found = changed(z, other, temperature);
    for (const [name, value] of Object.entries(found)) near(value!, expected[name as keyof typeof expected]);
  });
}

Deno.test("KL goes to half the variance of the change as it gets small, and 1 − cos to that under p²", () => {
  const z = Array.from({ length: 50 }, (_, v) => 3 * Math.sin(v * v));
  const apart = [1, 0.1, 0.01].map((size) => {
    const { kl, variance, distance, squares } = changed(
      z,
      z.map((value, v) => value + size * Math.cos(7 * v)),
    );
    return [Math.abs(kl / variance - 1), Math.abs(distance / squares - 1)];
  });
  // The next order of the expansion is a share of the change's size; float32 logits add 1e-7 / 0.01.
  apart.forEach((shares, i) => shares.forEach((share) => assert.ok(share < [1, 0.1, 0.01][i], `${share}`)));
});

Deno.test("a shift of all logits changes no probability", () => {
  const z = [1, -2, 0.5, 4];
  const { kl, variance, distance, squares } = changed(z, z.map((value) => value + 8));
  for (const value of [kl, variance, distance, squares]) assert.ok(value >= 0 && value < 1e-14, `${value}`);
});

Deno.test("equal logits are not apart, whatever they are", () => {
  for (const z of [[0], [3e38, -3e38], [5, 5, 5], [-1e30, 0, 88]]) {
    assert.deepEqual(changed(z, z), {
      logits: z.every((value) => value === 0) ? null : 1,
      kl: 0,
      variance: 0,
      distance: 0,
      squares: 0,
    });
  }
});

Deno.test("opposite certainties are as far apart as can be, and all numbers are finite", () => {
  const { logits, kl, distance } = changed([1e4, -1e4], [-1e4, 1e4]);
  assert.equal(logits, -1);
  assert.equal(kl, 2e4);
  assert.equal(distance, 1);
});

Deno.test("what is no prediction is refused", () => {
  const refused = (z: number[], other: number[], message: RegExp) =>
    assert.throws(() => changed(z, other), { name: "RangeError", message });
  refused([], [], /found no logits/);
  refused([NaN, 1], [1, 1], /found a logit of NaN/);
  refused([1, 1], [1, Infinity], /found a logit of Infinity/);
  refused([1, -Infinity], [1, 1], /found a logit of -Infinity/);
  refused([1, 1], [1, 1, 1], /found 3 logits, expected 2/);
});

Deno.test("a cosine of vectors", () => {
  const of = (a: number[], b: number[]) => cosine(Float32Array.from(a), Float32Array.from(b));
  assert.equal(of([1, 0], [0, 2]), 0);
  assert.equal(of([3e38, 0], [1e-38, 0]), 1);
  assert.equal(of([0, 0], [1, 0]), null);
});

Deno.test("a ratio has an interval over samples that contains it", () => {
  const even = [1, 2, 3, 4, 5, 6, 7, 8].map((over) => ({ over, under: 1 }));
  const { value, low, high } = ratio95(even)!;
  assert.equal(value, 4.5);
  // The mean of 8 draws of 1 … 8 has a standard error of 0.81.
  assert.ok(low! > 2.5 && low! < 3.3 && high! > 5.7 && high! < 6.5, `${low} ${high}`);
  assert.deepEqual(ratio95(even), ratio95(even));
});

Deno.test("one sample has no interval, and nothing has no ratio", () => {
  assert.deepEqual(ratio95([{ over: 1, under: 2 }]), { value: 0.5, low: null, high: null });
  assert.equal(ratio95([]), null);
  assert.equal(ratio95([{ over: 0, under: 0 }, meanPart([null])]), null);
  assert.deepEqual(ratio95([slopePart([1, 2], [2, 4]), slopePart([3], [6])])!, { value: 2, low: 2, high: 2 });
});
