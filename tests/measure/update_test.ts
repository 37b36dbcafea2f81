/**
 * 1 − cos from inner products against the same in float64 from the vectors, where a float32 cosine fails: massive
 * activations, updates that cancel the stream, updates along it.
 *
 * Tolerance. The products are rounded to float32 once (u = 2⁻²⁴ each); in XX·uu − Xu² over XX·YY that moves 1 − cos by a few
 * u of itself unless u is nearly parallel to X, where the two terms cancel and what is left is u · |u|²/|X|² at most.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { cosineDistance, placesInGram, sumUpdates } from "../../src/measure/mod.ts";
import { UNIT } from "../support.ts";

const D = 64;

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}
const norm = (a: Float64Array) => Math.sqrt(dot(a, a));

/** Any direction [D], length 1. */
const direction = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: D, maxLength: D })
  .map((values) => Float64Array.from(values)).filter((v) => norm(v) > 0.1).map((v) => scale(v, 1 / norm(v)));

function scale(v: Float64Array, factor: number): Float64Array {
  return v.map((value) => value * factor);
}
function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]);
}

/** 1 − cos without cancellation: half the squared distance of the unit vectors. */
function direct(x: Float64Array, y: Float64Array): number {
  const difference = add(scale(x, 1 / norm(x)), scale(y, -1 / norm(y)));
  return dot(difference, difference) / 2;
}

/** cosineDistance of x and x + u, from products rounded to float32 as a device gives them. */
function measured(x: Float64Array, u: Float64Array): number {
  const y = add(x, u);
  const [xx, xu, uu, xy, yy] = [[x, x], [x, u], [u, u], [x, y], [y, y]].map(([a, b]) =>
    Math.fround(dot(a, b))
  );
  return cosineDistance(xx, xu, uu, xy, yy);
}

function within(actual: number, expected: number, tolerance: number) {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, expected ${expected} ± ${tolerance}`);
}

/** What rounding the five products may do: 8 u of the value, and 4 u · |u|²/|X|² (or 4 u) where terms cancel. */
function tolerance(x: Float64Array, u: Float64Array, expected: number): number {
  const ratio = norm(u) / norm(x);
  const y = norm(add(x, u)) / norm(x);
  return UNIT * (8 * expected + 4 * (ratio <= 0.5 ? (ratio / y) ** 2 : 1));
}

Deno.test("1 − cos of any update of any size", () => {
  const size = fc.double({ min: -8, max: 3, noNaN: true }).map((power) => 10 ** power);
  const length = fc.constantFrom(1e-6, 1, 1e4);
  fc.assert(fc.property(direction, direction, size, length, (x, u, ratio, length) => {
    const [stream, update] = [scale(x, length), scale(u, length * ratio)];
    const expected = direct(stream, add(stream, update));
    within(measured(stream, update), expected, tolerance(stream, update, expected));
  }));
});

Deno.test("a massive activation keeps its digits, which a float32 cosine loses", () => {
  fc.assert(fc.property(direction, direction, (noise, u) => {
    const x = add(scale(noise, 10), Float64Array.from({ length: D }, (_, i) => i === 7 ? 1e4 : 0));
    const across = add(u, scale(x, -dot(u, x) / dot(x, x))); // 1 − cos ≈ 5e-9 for any u
    const update = scale(across, 1e-4 * norm(x) / norm(across));
    const expected = direct(x, add(x, update));
    within(measured(x, update) / expected, 1, 8 * UNIT);
    const y = add(x, update);
    const naive = 1 -
      Math.fround(Math.fround(dot(x, y)) / Math.fround(Math.sqrt(Math.fround(dot(x, x) * dot(y, y)))));
    assert.ok(Math.abs(naive / expected - 1) > 0.5);
  }));
});

Deno.test("an update that cancels the stream leaves what is left of it", () => {
  fc.assert(fc.property(direction, direction, fc.constantFrom(0.1, 0.01), (x, rest, left) => {
    const update = add(scale(x, -1), scale(rest, left));
    within(measured(x, update), direct(x, add(x, update)), 4 * UNIT);
  }));
});

Deno.test("orthogonal, parallel and antiparallel updates", () => {
  const axis = (i: number, length = 1) => Float64Array.from({ length: D }, (_, j) => i === j ? length : 0);
  const x = axis(0);
  within(measured(x, axis(1)), 1 - Math.SQRT1_2, 4 * UNIT);
  within(measured(x, axis(1, 1e6)), 1 - 1e-6, 4 * UNIT);
  assert.equal(measured(x, axis(0, 0.25)), 0); // the same direction, longer
  assert.equal(measured(x, axis(0, 7)), 0);
  assert.equal(measured(x, axis(0, -0.5)), 0); // shorter
  assert.equal(measured(x, axis(0, -3)), 2); // turned around
  assert.equal(measured(x, axis(3, 0)), 0); // no update
});

/** Gram matrices [tokens, 3, 3] of (X, u, Y). */
function grams(tokens: readonly (readonly [x: Float64Array, u: Float64Array])[]): Float32Array {
  return Float32Array.from(tokens.flatMap(([x, u]) => {
    const vectors = [x, u, add(x, u)];
    return vectors.flatMap((a) => vectors.map((b) => dot(a, b)));
  }));
}

const places = placesInGram(3, [0, 1, 2]);

Deno.test("sums add up over tokens; distance, magnitude and sign are those of each token", () => {
  const token = fc.tuple(direction, direction.map((u) => scale(u, 0.3)));
  fc.assert(fc.property(fc.array(token, { minLength: 1, maxLength: 5 }), (tokens) => {
    const sums = sumUpdates(grams(tokens), 9, places);
    const total = (of: (x: Float64Array, u: Float64Array) => number) =>
      tokens.reduce((sum, [x, u]) => sum + of(x, u), 0);
    const allowed = 16 * UNIT * tokens.length;
    assert.equal(sums.counted, tokens.length);
    within(sums.distance, total((x, u) => direct(x, add(x, u))), allowed);
    within(sums.magnitude, total((x, u) => norm(u) / norm(x)), allowed);
    within(sums.sign, total((x, u) => dot(x, u) / norm(x) / norm(u)), allowed);
  }));
});

Deno.test("the largest ratio and the number of outsized updates are those of the tokens, which shards keep", () => {
  const ratio = fc.double({ min: 0.01, max: 100, noNaN: true }).filter((r) => Math.abs(r - 2) > 0.01);
  const token = fc.tuple(direction, direction, ratio).map(([x, u, r]) =>
    [x, scale(u, r / norm(u) * norm(x))] as const
  );
  fc.assert(fc.property(fc.array(token, { minLength: 2, maxLength: 6 }), fc.nat(4), (tokens, cut) => {
    const ratios = tokens.map(([x, u]) => norm(u) / norm(x));
    const { largest, above2 } = sumUpdates(grams(tokens), 9, places);
    within(largest / Math.max(...ratios), 1, 2 * UNIT); // of two rounded products, under a root
    assert.equal(above2, ratios.filter((r) => r > 2).length);
    const at = Math.min(1 + cut, tokens.length - 1);
    const shards = [tokens.slice(0, at), tokens.slice(at)].map((part) => sumUpdates(grams(part), 9, places));
    assert.equal(Math.max(...shards.map((shard) => shard.largest)), largest);
    assert.equal(shards[0].above2 + shards[1].above2, above2);
  }));
});

Deno.test("a token of zeros, and one that its update makes zero, are not counted", () => {
  const [x, none] = [Float64Array.of(3, 4), Float64Array.of(0, 0)];
  const u = Float64Array.of(0, 5);
  const alone = sumUpdates(grams([[x, u]]), 9, places);
  assert.deepEqual(sumUpdates(grams([[none, u], [x, u], [x, scale(x, -1)], [none, none]]), 9, places), alone);
  assert.equal(alone.counted, 1);
  // A zero update has a direction to compare, but no sign: it counts as 0.
  assert.deepEqual(sumUpdates(grams([[x, none]]), 9, places), {
    counted: 1,
    distance: 0,
    magnitude: 0,
    sign: 0,
    norm: Math.hypot(...x),
    largest: 0,
    above2: 0,
  });
});
