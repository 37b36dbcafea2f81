/** How often a repair that saves nothing is refused, and how often its interval holds what it saves: by simulation, where this is known. */
import assert from "node:assert/strict";
import { interval95, mean, standardError } from "core/measure/mod.ts";
import { openProducts, type Products, ridge } from "core/run/repair/mod.ts";
import { heldOutOf } from "features/repair/job.ts";
import { expectBetter, type Fresh, WorseRepair } from "features/repair/needed.ts";
import type { Repairing } from "features/repair/fits.ts";
import { drawn, gaussian, momentsFrom, rows } from "../../core/run/repair/sums.ts";
import { engine, near } from "../../support.ts";

/** Inputs and targets of a token, tokens of a sample, samples; and repairs, each of other numbers. */
const [P, Q, TOKENS, SAMPLES, REPAIRS] = [8, 3, 6, 16, 200];
const draw = gaussian(1);

/** Tokens with targets t = A u + noise: a repair W saves E|t|² − E|t − W u|² = |A|² − |W − A|² a token. */
async function simulated(products: Products, signal: number) {
  const A = drawn(draw, Q, P).data.map((value) => signal * value);
  const inputs = rows(draw, SAMPLES * TOKENS, P);
  const targets = inputs.map((u) =>
    Array.from({ length: Q }, (_, q) => u.reduce((sum, value, p) => sum + A[q * P + p] * value, draw()))
  );
  const held = heldOutOf(SAMPLES);
  const choosing = heldOutOf(SAMPLES - held);
  const sums = (from: number, to: number) =>
    momentsFrom(inputs.slice(from * TOKENS, to * TOKENS), targets.slice(from * TOKENS, to * TOKENS));
  const [ends, last] = [[SAMPLES - held - choosing, SAMPLES - held], sums(SAMPLES - held, SAMPLES)];
  const parts = [
    { fitting: sums(0, ends[0]), choosing: sums(ends[0], ends[1]), heldOut: last },
    { fitting: sums(0, ends[1]), choosing: last, heldOut: null }, // the rule before
  ];
  return await Promise.all(parts.map(async (own) => {
    const { weight: { data } } = await ridge(own, false, products);
    const mapped = (n: number, q: number) =>
      inputs[n].reduce((map, value, p) => map + data[q * P + p] * value, 0);
    const left = (n: number, scale: number) =>
      targets[n].reduce((sum, t, q) => sum + (t - scale * mapped(n, q)) ** 2, 0);
    const savedIn = (sample: number) =>
      mean(
        Array.from({ length: TOKENS }, (_, t) => left(sample * TOKENS + t, 0) - left(sample * TOKENS + t, 1)),
      );
    const saved = Array.from({ length: held }, (_, i) => savedIn(SAMPLES - held + i));
    return { saved, truly: A.reduce((sum, a, i) => sum + a ** 2 - (data[i] - a) ** 2, 0) };
  }));
}

function isRefused(saved: readonly number[]): boolean {
  const fresh: Fresh = {
    ...{ samples: saved.length, full: 0, dropped: 1, repaired: 1 - mean(saved) },
    ...{ saved: mean(saved), savedError: standardError(saved) },
  };
  try {
    expectBetter({ model: { name: "toy" }, by: "linear" } as Repairing, fresh, () => {});
    return false;
  } catch (error) {
    assert.ok(error instanceof WorseRepair);
    return true;
  }
}

Deno.test("intervals hold what a repair saves 95 times in 100, and most repairs that save nothing are refused", async () => {
  const products = await openProducts(engine);
  const counts = [0, 1].map(() => ({ covered: 0, worse: 0, worseRefused: 0, better: 0, betterRefused: 0 }));
  try {
    for (let i = 0; i < REPAIRS; i++) {
      for (const [rule, { saved, truly }] of (await simulated(products, 0.12 * (i % 4))).entries()) {
        const own = counts[rule];
        const [low, high] = interval95(mean(saved), standardError(saved), saved.length);
        if (low <= truly && truly <= high) own.covered++;
        own[truly > 0 ? "better" : "worse"]++;
        if (isRefused(saved)) own[truly > 0 ? "betterRefused" : "worseRefused"]++;
      }
    }
  } finally {
    await products.release();
  }
  const [own, refitted] = counts;
  const spread = 3 * Math.sqrt(REPAIRS * 0.95 * 0.05); // three standard deviations of a count of 95 in 100
  near(own.covered, 0.95 * REPAIRS, spread);
  assert.ok(refitted.covered < 0.95 * REPAIRS - 2 * spread, `${refitted.covered}`); // a training loss: six below
  assert.ok(own.worse > 25 && own.better > 25);
  // The sign of an unbiased estimate is wrong in fewer than half of all cases, and the rarer the more a repair saves.
  assert.ok(own.worseRefused > 0.75 * own.worse, `${own.worseRefused} of ${own.worse}`);
  assert.ok(own.betterRefused < 0.15 * own.better, `${own.betterRefused} of ${own.better}`);
  assert.ok(refitted.worseRefused < 0.1 * refitted.worse, `${refitted.worseRefused} of ${refitted.worse}`);
});
