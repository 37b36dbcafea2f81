/** What two changes cost beyond their sum: by hand, with SciPy's quantiles. */
import assert from "node:assert/strict";
import { interaction, interactionsFigure } from "features/losses/mod.ts";
import { near } from "../../support.ts";
import { perplexity } from "../../core/result/samples.ts";

const ofLosses = (...losses: number[]) => {
  const result = perplexity();
  return { ...result, sums: losses.map((nll) => ({ ...result.sums[0], nll: 10 * nll, tokens: 10 })) };
};

Deno.test("an interaction is paired over samples, and its interval is corrected for the number of looks", () => {
  const full = ofLosses(3, 4, 5), first = ofLosses(3.5, 4.25, 5), second = ofLosses(3.25, 4, 6);
  const both = ofLosses(3.85, 4.45, 6.3); // 0.1, 0.2 and 0.3 more than the sum of both rises
  const error = 0.1 / Math.sqrt(3);
  // SciPy: t.ppf(1 - 0.025 / looks, 2). Losses near 4 are rounded to 2^-51, and two sums cancel.
  for (const [looks, quantile] of [[1, 4.302652729749462], [4, 8.860200034654316]]) {
    const { rise, low, high } = interaction(both, first, second, full, looks);
    near(rise, 0.2, 1e-14);
    near(low!, 0.2 - quantile * error, 1e-12);
    near(high!, 0.2 + quantile * error, 1e-12);
  }
  const { low, high } = interaction(ofLosses(1), ofLosses(2), ofLosses(3), ofLosses(4));
  assert.deepEqual([low, high], [null, null], "a single sample");
});

Deno.test("the map's title counts the cells whose interval excludes 0, and says where the samples cannot tell", () => {
  const cell = (type: string, rise: number) => ({
    model: "m",
    drop: "MLP 3",
    type,
    rise,
    low: rise - 1,
    high: rise + 1,
  });
  const title = (...rises: number[]) => interactionsFigure(rises.map((rise, i) => cell(`Q${i}`, rise))).title;
  assert.equal(
    title(2, 3, -2, 0),
    "A drop and a type cost more together in 2 of 4 cases, less in 1; cannot tell in 1",
  );
  assert.equal(title(2), "A drop and a type cost more together in 1 of 1 cases, less in 0");
  assert.equal(title(0, 0.5), "Cannot tell whether costs of a drop and a type add up in any case");
});
