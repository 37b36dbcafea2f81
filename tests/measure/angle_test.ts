/** Angles between streams, against the plain arccos, and where that has lost its digits. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addProducts,
  addStreams,
  angularDistance,
  noDistances,
  placesInGram,
} from "../../src/measure/mod.ts";

const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);
const vectors = (count: number) =>
  fc.array(
    fc.array(fc.double({ min: -8, max: 8, noNaN: true }).map(Math.fround), { minLength: 4, maxLength: 4 }),
    { minLength: count, maxLength: count },
  ).filter((all) => all.every((vector) => dot(vector, vector) > 1e-3));

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
      assert.ok(Math.abs(sums[key] - sum) <= NEAR * Math.max(1, sum), `${key}: ${sums[key]}, ${sum}`);
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
