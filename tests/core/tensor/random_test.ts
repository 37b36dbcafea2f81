/**
 * Bounds: a statistic of n draws may lie 4 standard errors from its expectation (6e-5 of honest generators would fail;
 * the streams are fixed, so a pass stays a pass). Hashes: an independent implementation on big integers, with Python's
 * own normal quantile, gave the same ones.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { createHash } from "node:crypto";
import {
  fillNormal,
  fillRows,
  normalPool,
  type NormalRows,
  normalTable,
  permutation,
  philox,
  streamKeys,
  TABLE_UNIT,
} from "core/tensor/mod.ts";
import type { StreamKeys } from "core/tensor/random.ts";
import { refuses } from "../../support.ts";
import { bits } from "./bits.ts";

const SEGMENT = 2 ** 33;

function draw(keys: StreamKeys, start: number, length: number, scale = 1): Float32Array {
  const out = new Float32Array(length);
  fillNormal(out, keys, start, scale);
  return out;
}

function sha256(values: Int32Array | Float32Array): string {
  return createHash("sha256").update(new Uint8Array(values.buffer as ArrayBuffer)).digest("hex");
}

/** Mean of f over the values. */
function mean(values: ArrayLike<number>, f: (value: number, i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += f(values[i], i);
  return sum / values.length;
}

/** Φ(z) by its power series (Marsaglia 2004), good to 1e-15 for |z| < 5. */
function phi(z: number): number {
  let term = z;
  let sum = z;
  for (let k = 3; Math.abs(term) > 1e-17; k += 2) sum += term *= (z * z) / k;
  return 0.5 + sum * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
}

Deno.test("Philox4x32-10 gives the published answers", () => {
  const hex = (words: number[]) => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");
  const ones = 0xffffffff;
  assert.equal(hex(philox([0, 0, 0, 0], [0, 0])), "6627e8d5 e169c58d bc57ac4c 9b00dbd8");
  assert.equal(hex(philox([ones, ones, ones, ones], [ones, ones])), "408f276d 41c83b0e a20bc7c6 6d5451fd");
  const pi = philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]);
  assert.equal(hex(pi), "d16cfe09 94fdcceb 5001e420 24126ea1");
});

Deno.test("the table is antisymmetric, ascending, exact in float32, of variance 1 and of kurtosis 3", () => {
  const table = normalTable();
  for (let i = 0; i < 32768; i++) assert.equal(table[i], -table[65535 - i]);
  for (let i = 1; i < 65536; i++) assert.ok(table[i] > table[i - 1]);
  assert.ok(table[65535] < 2 ** 24);
  const units = Float64Array.from(table, (entry) => entry * TABLE_UNIT);
  assert.ok(Math.abs(mean(units, (z) => z * z) - 1) < 2e-9);
  assert.ok(Math.abs(mean(units, (z) => z ** 4) - 3) < 1e-3);
});

Deno.test("the table holds the normal's quantiles", () => {
  // The stretch to variance 1 moves Φ by at most 1.1e-5 × max z φ(z) = 2.7e-6, the rounding by 0.4 × 2^-22.
  const table = normalTable();
  for (let i = 0; i < 65536; i++) {
    assert.ok(Math.abs(phi(table[i] * TABLE_UNIT) - (i + 0.5) / 65536) < 2.8e-6, `entry ${i}`);
  }
});

Deno.test("the bits are pinned", () => {
  const keys = streamKeys(2 ** 32 + 7, 79, 6);
  assert.deepEqual(keys, [819493296, 3585853594]);
  assert.equal(sha256(normalTable()), "51b73b945d4b5926cfac8ac66a06de8ae91cd174dc723c2ba6955ff61f4446a7");
  const hashes = {
    [0]: "32dd57408548900dcdf4c6e7718b302bfb15ceff6a1ecf46f45cd65f9841bddb",
    [SEGMENT - 50001]: "d83a3560e12b1a57c2267e8131637c2c698f32b4ad9fb810a06a3d5265938c2f",
    [2 ** 34 + 1]: "b59f72519a45265a915cb3a64ff1bcaf04ff5f097356ef219d6adb21e30bdcc8",
  };
  for (const [start, hash] of Object.entries(hashes)) {
    assert.equal(sha256(draw(keys, Number(start), 100001, 0.02)), hash, `from element ${start}`);
  }
});

Deno.test("any slice alone equals the slice of the whole", () => {
  const keys = streamKeys(3, 1, 4);
  const length = 5000;
  for (const origin of [0, 1, SEGMENT - 2500, 2 * SEGMENT - 2501, 2 ** 34 - 7, 2 ** 53 - 2 * length]) {
    const whole = draw(keys, origin, length, 0.02);
    fc.assert(fc.property(fc.nat(length), fc.nat(length), (from, count) => {
      const end = Math.min(length, from + count);
      assert.deepEqual(draw(keys, origin + from, end - from, 0.02), whole.slice(from, end));
    }));
  }
});

Deno.test("a fill writes its own range only", () => {
  const out = new Float32Array(20).fill(9);
  fillNormal(out.subarray(3, 14), streamKeys(3, 1, 4), 5, 1);
  assert.deepEqual(out.slice(3, 14), draw(streamKeys(3, 1, 4), 5, 11));
  assert.deepEqual([...out.slice(0, 3), ...out.slice(14)], Array(9).fill(9));
});

Deno.test("the scale multiplies once, in float32", () => {
  const unit = draw([1, 2], 0, 1000);
  for (const scale of [0.02, 1 / 24, 0.02 / Math.sqrt(160), 0]) {
    const expected = unit.map((z) => Math.fround(z) * Math.fround(scale));
    assert.deepEqual(draw([1, 2], 0, 1000, scale), expected);
  }
});

Deno.test("4e6 numbers have the normal's moments and distribution", () => {
  const n = 4e6;
  const values = draw(streamKeys(0, 0, 0), 0, n);
  /** Powers of z, their means over the table, and their variances under the normal. */
  const moments: [power: (z: number) => number, expected: number, variance: number][] = [
    [(z) => z, 0, 1],
    [(z) => z * z, 1, 2],
    [(z) => z * z * z, 0, 15],
    [(z) => z * z * z * z, 2.99925, 96],
  ];
  for (const [power, expected, variance] of moments) {
    const moment = mean(values, power);
    assert.ok(Math.abs(moment - expected) < 4 * Math.sqrt(variance / n), `${power}: ${moment}`);
  }
  // Kolmogorov–Smirnov: P(√n D > 1.95) = 2 exp(−2 × 1.95²) = 1e-3; half a slice and the stretch for the table's steps.
  values.sort();
  let distance = 0;
  for (let i = 0, next = 0; i < n; i = next) {
    while (next < n && values[next] === values[i]) next++;
    const below = phi(values[i]);
    distance = Math.max(distance, below - i / n, next / n - below);
  }
  assert.ok(distance < 1.95 / Math.sqrt(n) + 1 / 65536 + 2.8e-6, `distance ${distance}`);
});

/**
 * Correlation of two samples of mean 0 and variance 1, and that of their squares, whose variance is 2, in standard errors. In a loop of its
 * own, which is several times as fast as one that calls functions.
 */
function correlations(a: Float32Array, b: Float32Array): [own: number, squares: number] {
  let [own, squares] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    own += a[i] * b[i];
    squares += (a[i] * a[i] - 1) * (b[i] * b[i] - 1);
  }
  return [own / Math.sqrt(a.length), squares / 2 / Math.sqrt(a.length)];
}

function expectUnrelated(what: string, a: Float32Array, b: Float32Array): void {
  for (const errors of correlations(a, b)) {
    assert.ok(Math.abs(errors) < 4, `${what}: ${errors} standard errors`);
  }
}

Deno.test("streams of other layers, tensors, seeds and segments are unrelated", () => {
  const n = 1e6;
  const base = draw(streamKeys(5, 7, 3), 0, n);
  const others: Record<string, StreamKeys> = {
    "next layer": streamKeys(5, 8, 3),
    "next tensor": streamKeys(5, 7, 4),
    "layer and tensor swapped": streamKeys(5, 3, 7),
    "next seed": streamKeys(6, 7, 3),
    "seed in the upper word": streamKeys(5 + 2 ** 32, 7, 3),
  };
  for (const [what, keys] of Object.entries(others)) expectUnrelated(what, base, draw(keys, 0, n));
  expectUnrelated("next segment", base, draw(streamKeys(5, 7, 3), SEGMENT, n));
  const [k0, k1] = streamKeys(5, 7, 3);
  expectUnrelated("neighbouring keys", base, draw([(k0 + 1) >>> 0, (k1 + 1) >>> 0], 0, n));
  expectUnrelated("neighbouring first key", base, draw([(k0 ^ 1) >>> 0, k1], 0, n));
});

Deno.test("1024 neighbouring streams are unrelated, each to the next", () => {
  // The largest of 2 × 1023 standard normal statistics exceeds 5 with probability 1e-3.
  let before: Float32Array | undefined;
  for (let stream = 0; stream < 1024; stream++) {
    const values = draw(streamKeys(1, stream >> 5, stream & 31), 0, 4000);
    if (before) {
      const worst = Math.max(...correlations(before, values).map(Math.abs));
      assert.ok(worst < 5, `streams ${stream - 1} and ${stream}: ${worst} standard errors`);
    }
    before = values;
  }
});

Deno.test("neighbouring numbers of a stream are unrelated", () => {
  const n = 4e6;
  const values = draw(streamKeys(2, 2, 2), 0, n + 512);
  for (const lag of [1, 2, 3, 4, 64, 512]) {
    expectUnrelated(`lag ${lag}`, values.subarray(0, n), values.subarray(lag, n + lag));
  }
});

Deno.test("the two halves of a word fill the plane evenly", () => {
  // χ² of 64 × 64 cells of equal probability: mean 4095, variance 2 × 4095.
  const n = 2e6;
  const values = draw(streamKeys(9, 0, 1), 0, 2 * n);
  const counts = new Int32Array(4096);
  for (let i = 0; i < 2 * n; i += 2) counts[cell(values[i]) * 64 + cell(values[i + 1])]++;
  const chi2 = mean(counts, (count) => (count - n / 4096) ** 2 / (n / 4096)) * 4096;
  assert.ok(Math.abs(chi2 - 4095) < 4 * Math.sqrt(2 * 4095), `χ² ${chi2}`);
});

/** The first number of each 64th of the distribution but the lowest: the table holds its quantiles, as a test above shows. */
const bounds = Array.from({ length: 63 }, (_, k) => normalTable()[1024 * (k + 1)] * TABLE_UNIT);

/** Which 64th of the distribution a number of the table lies in. */
function cell(value: number): number {
  let found = 0;
  for (let half = 32; half >= 1; half /= 2) if (value >= bounds[found + half - 1]) found += half;
  return found;
}

Deno.test("numbers that no stream has are refused", () => {
  const fill = (start: number, scale = 1) => fillNormal(new Float32Array(4), [1, 2], start, scale);
  return refuses("Cannot draw random numbers: ", (draw: () => unknown) => draw(), [
    ...[-1, 0.5, NaN, 2 ** 53 - 4].map((start) => [() => fill(start), "expected"] as const),
    ...[NaN, Infinity].map((scale) => [() => fill(0, scale), "scale is"] as const),
    ...[[-1, 0, 0], [2 ** 53, 0, 0], [0, 2 ** 32, 0], [0, 0, 1.5]].map(([seed, layer, tensor]) =>
      [() => streamKeys(seed, layer, tensor), "expected a whole number"] as const
    ),
    ...[-1, 0.5, NaN, 2 ** 53].map((seed) =>
      [
        () => permutation(3, seed),
        `seed is ${seed}, expected a whole number from 0 to ${2 ** 53 - 1}`,
      ] as const
    ),
  ]);
});

Deno.test("Fisher–Yates over Philox words by the number of the swap", () => {
  // Worked through for n = 3: swap 2 with a place up to 2, then swap 1 with a place up to 1.
  for (const seed of [0, 1, 7, 2 ** 32 + 7]) {
    const word = (i: number) =>
      philox([i, 0, 0, 1], [seed % 2 ** 32, Math.floor(seed / 2 ** 32)])[0] / 2 ** 32;
    const order = [0, 1, 2];
    const [j, k] = [Math.floor(3 * word(2)), Math.floor(2 * word(1))];
    [order[2], order[j]] = [order[j], order[2]];
    [order[1], order[k]] = [order[k], order[1]];
    assert.deepEqual(permutation(3, seed), order);
  }
});

Deno.test("every number once; another seed gives another order, above 2^32 too", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 60 }), fc.maxSafeNat(), (n, seed) => {
    const order = permutation(n, seed);
    assert.deepEqual(order, permutation(n, seed));
    assert.deepEqual(order.toSorted((a, b) => a - b), Array.from({ length: n }, (_, i) => i));
  }));
  const seeds = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, 2 ** 52];
  assert.equal(new Set(seeds.map((seed) => permutation(60, seed).join())).size, seeds.length);
});

const keys = [0x12345678, 0x9abcdef0] as const;

const cases: Record<string, Omit<NormalRows, "keys"> & { count: number }> = {
  "whole rows of an odd width": { first: 7, width: 1001, stride: 1001, scale: 0.02, count: 700 },
  "some columns": { first: 333, width: 999, stride: 4096, scale: 1, count: 601 },
  "fewer rows than threads": { first: 0, width: 2 ** 18, stride: 2 ** 18, scale: 2, count: 2 },
  "too few to share": { first: 1, width: 10, stride: 12, scale: 0.5, count: 10 },
};

for (const [name, { count, ...own }] of Object.entries(cases)) {
  const rows = { keys, ...own };
  Deno.test(`one thread and three: ${name}`, async () => {
    const expected = new Float32Array(count * rows.width);
    fillRows(expected, rows);
    const pool = normalPool(3);
    try {
      const padded = new Float32Array(expected.length + 2).fill(NaN);
      await pool.fill(padded.subarray(1, -1), rows);
      assert.deepEqual(bits(padded.subarray(1, -1)), bits(expected));
      assert.ok(Number.isNaN(padded[0]) && Number.isNaN(padded.at(-1)), "nothing is written beside it");
    } finally {
      pool.close();
    }
  });
}

Deno.test("arrays that are filled at the same time do not mix, and a closed pool opens again", async () => {
  const pool = normalPool(2);
  const rows = (first: number): NormalRows => ({ keys, first, width: 512, stride: 512, scale: 1 });
  for (let round = 0; round < 2; round++) {
    const arrays = [0, 1, 2].map(() => new Float32Array(512 * 600));
    await Promise.all(arrays.map((array, i) => pool.fill(array, rows(1000 * i))));
    for (const [i, array] of arrays.entries()) {
      const expected = new Float32Array(array.length);
      fillRows(expected, rows(1000 * i));
      assert.deepEqual(bits(array), bits(expected));
    }
    pool.close();
  }
});
