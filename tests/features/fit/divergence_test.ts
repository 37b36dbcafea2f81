/** Five numbers of a plan with their intervals, held against the tokens themselves. */
import assert from "node:assert/strict";
import { costsOf, tailOf } from "features/fit/divergence.ts";
import type { Divergence } from "features/fit/result.ts";
import { divergenceSums } from "features/fit/result.ts";
import { quantile } from "core/measure/mod.ts";
import { provenance } from "../../core/show/synthetic.ts";

/** Samples of 100 tokens with divergences that differ much, and what is kept of them. */
function runOf(samples: number, tokens = 100): { run: Divergence; base: Divergence; tokens: number[] } {
  const kl = Array.from(
    { length: samples },
    (_, s) =>
      Array.from({ length: tokens }, (_, t) => Math.exp(-((s * 37 + t * 61) % 97 + s / samples) / 12)),
  );
  const sums = kl.map((own, s) => ({
    ...{ nll: 300 + s + 2 * (s % 2), kl: own.reduce((a, b) => a + b), top1: 80 + s, tokens },
    tail: tailOf(Float64Array.from(own)),
  }));
  const from = (sums: Divergence["sums"]) =>
    divergenceSums.from({ provenance: provenance({ layers: 2 }) }, { sums });
  const base = from(sums.map((sample, s) => ({ ...sample, nll: 300 + s })));
  return { run: from(sums), base, tokens: kl.flat() };
}

Deno.test("the 99 % quantile is that of all tokens, though a tenth of them is kept", () => {
  for (const [samples, length] of [[8, 100], [2, 5], [1, 1]]) {
    const { run, base, tokens } = runOf(samples, length);
    const { kld99 } = costsOf(run, base);
    // What is kept has six digits.
    assert.ok(Math.abs(kld99 - quantile(tokens.toSorted((a, b) => a - b), 0.99)) < 1e-5, `${samples}`);
  }
  const kl = Float64Array.from({ length: 95 }, (_, i) => (i * 7 % 95 + 1) / 3);
  const expected = [31.6667, 31.3333, 31, 30.6667, 30.3333, 30, 29.6667, 29.3333, 29, 28.6667];
  assert.deepEqual(tailOf(kl), expected, "a tenth, and no fewer");
  assert.equal(tailOf(Float64Array.from({ length: 100 }, (_, i) => i)).length, 10);
});

Deno.test("means are over tokens, with Student's intervals over samples, and losses are paired", () => {
  const { run, base } = runOf(4);
  const { kld, same, loss } = costsOf(run, base);
  assert.ok(Math.abs(kld.value - run.kl) < 1e-12);
  assert.ok(Math.abs(same.value - 0.815) < 1e-12);
  // Shares 0.80 to 0.83: standard deviation 0.01291, t of 3 degrees 3.1824, half-width 3.1824 × 0.01291 / 2.
  assert.ok(Math.abs(same.high! - same.value - 0.020542) < 1e-5, `${same.high! - same.value}`);
  assert.ok(Math.abs(loss.value - 0.01) < 1e-12, "0 and 0.02 nats by turns");
  for (const { value, low, high } of [kld, same, loss]) {
    assert.ok(low! < value && Math.abs(high! - value - (value - low!)) < 1e-12, "both sides");
  }
  const some = {
    ...run,
    sums: run.sums.map((sample, s) => ({ ...sample, top1: s ? 100 : 1, kl: s ? 0 : 9 })),
  };
  const ends = costsOf(some, base);
  assert.deepEqual([ends.same.high, ends.kld.low], [1, 0], "a share is 1 at most, a divergence 0 at least");
});

Deno.test("one sample has no interval", () => {
  const { run, base } = runOf(1);
  const { kld } = costsOf(run, base);
  assert.deepEqual([kld.low, kld.high], [null, null]);
});

Deno.test("parts of a text join to the samples of all", () => {
  const { run } = runOf(4);
  const parts = [run.sums.slice(0, 1), run.sums.slice(1)].map((sums) => ({ sums }));
  assert.deepEqual(divergenceSums.join(parts).sums, run.sums);
});
