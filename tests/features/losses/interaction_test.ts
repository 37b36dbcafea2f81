/** What two changes cost beyond their sum: by hand, with SciPy's quantiles. */
import assert from "node:assert/strict";
import { interaction, interactions, interactionsFigure, perplexities } from "features/losses/mod.ts";
import { withTiny } from "../../core/study/tiny.ts";
import { near, refuses } from "../../support.ts";
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

Deno.test("interactions are those of the perplexities of their plans, where a dropped module takes no type", () =>
  withTiny(async ({ model, options }) => {
    const rounded = { module: "attention", to: "types", in: "Q4_0", out: "Q4_0" } as const;
    const typed = (...layers: number[]) => ({ changes: layers.map((layer) => ({ layer, ...rounded })) });
    const table = { tables: { embedding: "Q4_0" } } as const, types = [typed(0, 1, 2), table];
    const [one, two] = [{ attention: [1] }, { attention: [2], mlp: [0] }];
    const { rises } = await interactions(model, { ...options, drops: [one, two], types });
    const [full, ...runs] = await perplexities(model, [
      ...[{}, ...types],
      ...[one, { ...one, ...typed(0, 2) }, { ...one, ...table }],
      ...[two, { ...two, ...typed(0, 1) }, { ...two, ...table }],
    ], options);
    const alike = [[3, 2, 0], [4, 2, 1], [6, 5, 0], [7, 5, 1]].map(([both, drop, type]) =>
      interaction(runs[both], runs[drop], runs[type], full, 4)
    );
    assert.deepEqual(rises.map(({ rise, low, high }) => ({ rise, low, high })), alike);
    assert.deepEqual(rises.map(({ drop, type }) => [drop, type]), [
      ["attention 1", "attention 0–2 (Q4_0)"],
      ["attention 1", "embedding Q4_0"],
      ["attention 2 · MLP 0", "attention 0–2 (Q4_0)"],
      ["attention 2 · MLP 0", "embedding Q4_0"],
    ]);
    await refuses(
      "RangeError: Cannot compare costs: ",
      (drop: object) => interactions(model, { ...options, drops: [drop], types }),
      [[table, "the tables of words are changed twice, expected once"]],
    );
  }));

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
