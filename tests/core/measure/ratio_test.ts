/** Ratios of sums over samples: their intervals by hand, their coverage in simulated samples, and what has none. */
import assert from "node:assert/strict";
import { mean, POSITIVE, type Range, ratio95, SHARE, studentT95 } from "core/measure/mod.ts";
import { philox } from "core/tensor/mod.ts";

const close = (found: number | null, expected: number) =>
  assert.ok(Math.abs(found! - expected) < 1e-9, `${found}, expected ${expected}`);

Deno.test("a mean's interval is Student's t of its samples", () => {
  const even = [1, 2, 3, 4, 5, 6, 7, 8].map((over) => ({ over, under: 1 }));
  const { value, low, high } = ratio95(even)!;
  assert.equal(value, 4.5);
  const half = 2.364624251592784 * Math.sqrt(6 / 8); // t of 7 degrees of freedom; 1 … 8 have a variance of 6
  close(low, 4.5 - half);
  close(high, 4.5 + half);
});

Deno.test("two samples have t of one degree of freedom, around the ratio of their sums", () => {
  // r = 6 / 4, e = (1 − 1.5 · 1) · 2 / 4 and (5 − 1.5 · 3) · 2 / 4: −0.25 and 0.25, with a standard error of 0.25.
  const { value, low, high } = ratio95([{ over: 1, under: 1 }, { over: 5, under: 3 }])!;
  assert.equal(value, 1.5);
  close(low, 1.5 - 0.25 * studentT95(2));
  close(high, 1.5 + 0.25 * 12.706204736432095);
});

Deno.test("an interval ends where the number's range does", () => {
  const of = (shares: readonly number[], range?: Range) =>
    ratio95(shares.map((over) => ({ over, under: 1 })), range)!;
  assert.deepEqual(of([0.2, 0.9], SHARE), { value: 0.55, low: 0, high: 1 });
  const { low, high } = of([0.2, 0.9], POSITIVE);
  assert.ok(low === 0 && high! > 4);
  assert.ok(of([0.2, 0.9]).low! < -3);
  // Rounding may leave a divergence below 0: the interval holds it.
  assert.deepEqual(of([-1e-9, -1e-9], POSITIVE), { value: -1e-9, low: -1e-9, high: -1e-9 });
});

/** Normal numbers by Box and Muller's transform. */
function normal(i: number, run: number, stream: number): number {
  const [u, v] = philox([i, run, stream, 0], [7, 0]).map((word) => (word + 0.5) / 2 ** 32);
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
}

const RUNS = 4000;

/** The share of runs whose interval holds the true ratio, 2, of n samples; their lengths are between 1 and 1 + `uneven`. */
function coverage(n: number, uneven: number): number {
  return mean(Array.from({ length: RUNS }, (_, run) => {
    const parts = Array.from({ length: n }, (_, i) => {
      const under = 1 + uneven * philox([i, run, 1, 0], [7, 0])[0] / 2 ** 32;
      return { over: 2 * under + normal(i, run, n), under };
    });
    const { low, high } = ratio95(parts)!;
    return Number(low! <= 2 && 2 <= high!);
  }));
}

Deno.test("intervals of normal samples hold the ratio in 93 to 97 % of runs from 2 to 32 samples", () => {
  // 4,000 runs have a standard error of 0.3 %.
  for (const uneven of [0, 0.5]) {
    for (const n of [2, 3, 4, 6, 8, 12, 16, 32]) {
      const share = coverage(n, uneven);
      assert.ok(share >= 0.93 && share <= 0.97, `${n} samples, lengths up to ${1 + uneven}: ${share}`);
    }
  }
});

Deno.test("one sample has no interval, and nothing has no ratio", () => {
  assert.deepEqual(ratio95([{ over: 1, under: 2 }]), { value: 0.5, low: null, high: null });
  assert.equal(ratio95([]), null);
  assert.equal(ratio95([{ over: 0, under: 0 }]), null);
});

Deno.test("samples without a part do not count", () => {
  const none = { over: 0, under: 0 };
  assert.deepEqual(ratio95([{ over: 1, under: 2 }, none]), { value: 0.5, low: null, high: null });
  const two = [{ over: 1, under: 1 }, { over: 2, under: 1 }];
  assert.deepEqual(ratio95([...two, none, none]), ratio95(two));
  close(ratio95([{ over: 0, under: 1 }, { over: 2, under: 1 }])!.high, 1 + studentT95(2)); // 0 of some is a part
});
