/**
 * 1 − cos from inner products against the same in float64 from the vectors, where a float32 cosine fails: massive
 * activations, updates that cancel the stream, updates along it.
 *
 * Tolerance. The products are rounded to float32 once (u = 2⁻²⁴ each); in XX·uu − Xu² over XX·YY that moves 1 − cos by a few
 * u of itself unless u is nearly parallel to X, where the two terms cancel and what is left is u · |u|²/|X|² at most.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addProducts,
  addStreams,
  angularDistance,
  eachSum,
  importanceOf,
  noDistances,
  placesInGram,
  sumUpdates,
} from "core/measure/mod.ts";
import { cosineDistance } from "core/measure/streams/update.ts";
import { crossing, moduleRatio, typical } from "features/untrained/theory/module_ratio.ts";
import { near as within, UNIT } from "../../support.ts";

const D = 64;

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
const norm = (a: Float64Array) => Math.sqrt(dot(a, a));

/** Any direction [D], length 1. */
const direction = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: D, maxLength: D })
  .map((values) => Float64Array.from(values)).filter((v) => norm(v) > 0.1).map((v) => scale(v, 1 / norm(v)));

const scale = (v: Float64Array, factor: number): Float64Array => v.map((value) => value * factor);
const add = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value + b[i]);

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
  for (const longer of [0.25, 7, -0.5, 0]) assert.equal(measured(x, axis(0, longer)), 0); // or shorter, or as long
  assert.equal(measured(x, axis(0, -3)), 2); // turned around
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
  const zero = { ...eachSum(0), counted: 1, norm: Math.hypot(...x) };
  assert.deepEqual(sumUpdates(grams([[x, none]]), 9, places), zero);
});

const number = fc.double({ min: -8, max: 8, noNaN: true }).map(Math.fround);
const vector = fc.array(number, { minLength: 4, maxLength: 4 }).filter((own) => dot(own, own) > 1e-3);
const vectors = (count: number) => fc.array(vector, { minLength: count, maxLength: count });

/** As the papers have it. */
function plain(x: readonly number[], y: readonly number[]) {
  const cosine = dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
  const update = y.map((value, i) => value - x[i]);
  return {
    distance: 1 - cosine,
    angle: Math.acos(Math.min(1, Math.max(-1, cosine))) / Math.PI,
    magnitude: Math.sqrt(dot(update, update) / dot(x, x)),
  };
}

// A cosine in float64 is off by 1e-15; its arccos near ±1 by the root of that.
const NEAR = 1e-7;

Deno.test("sums over two streams are those of the plain formulas, token by token", () => {
  fc.assert(fc.property(vectors(3), vectors(3), (x, y) => {
    const sums = noDistances();
    addStreams(sums, Float32Array.from(x.flat()), Float32Array.from(y.flat()), 4);
    const wanted = x.map((vector, i) => plain(vector, y[i]));
    assert.equal(sums.counted, 3);
    for (const key of ["distance", "angle", "magnitude"] as const) {
      const sum = wanted.reduce((total, each) => total + each[key], 0);
      within(sums[key], sum, NEAR * Math.max(1, sum), key);
    }
  }));
});

Deno.test("sums over inner products are those over the streams", () => {
  const [x, u] = [[3, 0, 4], [0, 1, -1]];
  const y = x.map((value, i) => value + u[i]);
  const gram = [x, u, y].flatMap((a) => [x, u, y].map((b) => dot(a, b)));
  const [fromProducts, fromStreams] = [noDistances(), noDistances()];
  addProducts(fromProducts, Float32Array.from([...gram, ...gram]), 9, placesInGram(3, [0, 1, 2]));
  addStreams(fromStreams, Float32Array.from([...x, ...x]), Float32Array.from([...y, ...y]), 3);
  for (const key of ["counted", "distance", "angle", "magnitude"] as const) {
    assert.ok(Math.abs(fromProducts[key] - fromStreams[key]) < 1e-12, key); // small whole numbers: exact products
  }
});

Deno.test("right, straight and tiny angles; a token without a direction is left out", () => {
  assert.equal(angularDistance(1, -1, 2, 0, 1), 0.5); // (1, 0) to (0, 1)
  assert.equal(angularDistance(1, -2, 4, -1, 1), 1); // to (−1, 0)
  const tiny = 1e-9; // orthogonal update: the angle is its arctangent, where 1 − cos is below float64's resolution
  assert.ok(Math.abs(angularDistance(1, 0, tiny ** 2, 1, 1) * Math.PI / tiny - 1) < 1e-12);
  const sums = noDistances();
  addStreams(sums, Float32Array.of(0, 0, 1, 0), Float32Array.of(1, 0, 0, 1), 2);
  assert.deepEqual([sums.counted, sums.angle], [1, 0.5]);
});

const close = (actual: number, expected: number) => within(actual / expected, 1, 1e-12);

Deno.test("the typical importance is the geometric mean from layer 2 on; layers without a module do not count", () => {
  close(typical([0.9, 0.9, 0.1, 0.4]), 0.2);
  close(typical([0.9, 0.9, 0.1, null, 0.4]), 0.2);
  assert.ok(Number.isNaN(typical([0.9, 0.9])));
  close(moduleRatio({ attention: [1, 1, 0.1, 0.4], mlp: [9, 9, 0.5, null] }), 0.4);
});

Deno.test("the line on which both are alike: between two deviations, at none where one side always wins", () => {
  // ratio = (1 / (σ √D))²: alike at σ = 1/√D.
  const column = (hidden: number, stds: number[]) =>
    stds.map((std) => ({ hidden, std, ratio: 1 / (std ** 2 * hidden) }));
  const found = crossing([
    ...column(100, [0.2, 0.05]),
    ...column(25, [0.1, 0.2, 0.4]),
    ...column(4, [0.1, 0.2]),
  ]);
  assert.deepEqual(found.map(({ hidden }) => hidden), [25, 100]);
  close(found[0].std, 0.2);
  close(found[1].std, 0.1);
});

Deno.test("importance of magnitude and cosine is that of the vectors", () => {
  for (const r of [0.05, 0.4, 1, 3]) {
    for (const s of [-0.6, 0, 0.3, 0.99]) {
      const x = 1 + r * s; // X = (1, 0), u = r (s, √(1 − s²))
      const expected = 1 - x / Math.hypot(x, r * Math.sqrt(1 - s * s));
      assert.ok(Math.abs(importanceOf(r, s) - expected) < 1e-14, `r ${r}, s ${s}`);
    }
  }
});
