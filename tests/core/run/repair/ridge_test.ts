/** Ridge regression: exact maps, the strength that held-out tokens choose, and inputs that are singular. */
import assert from "node:assert/strict";
import { type Fit, type FitSums, fitter, leftOf, strengthOf, STRENGTHS } from "core/run/repair/ridge.ts";
import { merged, type Moments, noMoments, ridge } from "core/run/repair/mod.ts";
import { distance } from "../../../model.ts";
import { drawn, gaussian, momentsFrom, rows, withProducts } from "./sums.ts";

/** Sums that are fitted, those that choose and those that measure. */
const parts = (
  fitting: Moments,
  choosing: Moments | null = null,
  heldOut: Moments | null = null,
): FitSums => (
  { fitting, choosing, heldOut }
);

const [P, Q] = [6, 4];
const W = drawn(gaussian(2), Q, P);
const bias = Array.from({ length: Q }, (_, q) => 1 + q);

/** Targets of inputs, with noise. */
function mapped(inputs: readonly (readonly number[])[], noise = 0, draw = gaussian(9)): number[][] {
  return inputs.map((u) =>
    bias.map((b, q) => u.reduce((sum, value, p) => sum + W.data[q * P + p] * value, b) + noise * draw())
  );
}

Deno.test("a linear map is recovered to 1e-6, whatever the weights of tokens", () =>
  withProducts(async (products) => {
    const inputs = rows(gaussian(3), 80, P);
    for (const weights of [inputs.map(() => 1), inputs.map((_, i) => 0.01 + i % 7)]) {
      const all = momentsFrom(inputs, mapped(inputs), weights);
      const [some, other] = [rows(gaussian(4), 20, P), rows(gaussian(5), 20, P)]
        .map((own) => momentsFrom(own, mapped(own)));
      const fit = await ridge(parts(all, some, other), true, products);
      assert.equal(fit.strength, STRENGTHS[0]);
      assert.ok(distance(fit.weight.data, W.data) < 1e-6 && distance(fit.bias, bias) < 1e-6);
      assert.ok(fit.left! < 1e-12);
    }
  }));

Deno.test("without a bias the fit goes through zero", () =>
  withProducts(async (products) => {
    const inputs = rows(gaussian(3), 80, P);
    const targets = mapped(inputs).map((row) => row.map((value, q) => value - bias[q]));
    const all = momentsFrom(inputs, targets);
    const fit = await ridge(parts(all, all), false, products);
    assert.ok(distance(fit.weight.data, W.data) < 1e-6);
    assert.deepEqual([...fit.bias], bias.map(() => 0));
    assert.deepEqual([fit.strength, fit.left], [STRENGTHS[0], null]);
    assert.equal((await ridge(parts(all), false, products)).strength, 1e-3);
  }));

/** Σ w |t − W u − b|² over Σ w |t|², by plain sums. */
function leftBy(
  { weight: { data }, bias: b }: Pick<Fit, "weight" | "bias">,
  inputs: readonly number[][],
  targets: readonly number[][],
) {
  const [error, whole] = [0, 0].map((_, i) =>
    inputs.reduce((sum, u, n) =>
      sum + targets[n].reduce((own, t, q) => {
        const found = i === 0 ? u.reduce((map, value, p) => map + data[q * P + p] * value, b[q]) : 0;
        return own + (t - found) ** 2;
      }, 0), 0)
  );
  return error / whole;
}

Deno.test("the strength has the least error on samples that choose, W is fitted on these too, and what is left is of others", () =>
  withProducts(async (products) => {
    const chosen = new Set<number>();
    for (const [tokens, noise] of [[7, 8], [7, 30], [200, 0.1]]) {
      const draw = gaussian(17);
      const [fitting, choosing, heldOut] = [tokens, 40, 30].map((count, i) => {
        const inputs = rows(gaussian(tokens + i), count, P);
        const targets = mapped(inputs, noise, draw);
        return { inputs, targets, sums: momentsFrom(inputs, targets) };
      });
      const all = parts(fitting.sums, choosing.sums, heldOut.sums);
      const fit = await ridge(all, true, products);
      const errors = await Promise.all(STRENGTHS.map(async (strength) => {
        const own = await fitter(fitting.sums, true, products)(strength);
        return { strength, error: leftBy(own!, choosing.inputs, choosing.targets) };
      }));
      assert.equal(fit.strength, errors.toSorted((a, b) => a.error - b.error)[0].strength);
      chosen.add(fit.strength);
      const whole = (await fitter(merged(fitting.sums, choosing.sums), true, products)(fit.strength))!;
      assert.ok(distance(fit.weight.data, whole.weight.data) < 1e-12);
      const left = leftBy(whole, heldOut.inputs, heldOut.targets);
      assert.ok(Math.abs(fit.left! - left) < 1e-9 * left); // both sums of some hundred numbers in float64
    }
    assert.ok(chosen.size > 1, `${[...chosen]}`); // noise and few tokens need a stronger ridge
  }));

Deno.test("the strength for a thousand targets is chosen on sums of them, as the error of all would", () =>
  withProducts(async (products) => {
    const wide = drawn(gaussian(5), 1100, P);
    const draw = gaussian(6);
    const mapped = (u: readonly number[], q: number, off: number) =>
      u.reduce((sum, value, p) => sum + wide.data[q * P + p] * value, off);
    const of = (inputs: readonly (readonly number[])[], noise: number) =>
      momentsFrom(
        inputs,
        inputs.map((u) => Array.from({ length: 1100 }, (_, q) => mapped(u, q, noise * draw()))),
      );
    for (const [tokens, noise] of [[7, 8], [200, 0.1]]) {
      const [training, own] = [of(rows(draw, tokens, P), noise), of(rows(draw, 40, P), noise)];
      const strength = await strengthOf(training, own, true, products);
      const lefts: number[] = [];
      for (const strength of STRENGTHS) {
        lefts.push(await leftOf((await fitter(training, true, products)(strength))!, own, products));
      }
      assert.equal(strength, STRENGTHS[lefts.indexOf(Math.min(...lefts))]);
    }
  }));

Deno.test("inputs that are singular or not finite are refused, and the message says how many tokens are needed", () =>
  withProducts(async (products) => {
    const zeros = momentsFrom(rows(() => 0, 5, P), rows(gaussian(1), 5, Q));
    for (const [training, tokens] of [[zeros, 5], [noMoments(P, Q), 0]] as const) {
      for (const choosing of [null, noMoments(P, Q)]) {
        const message =
          `^RangeError: Cannot fit 4 numbers from 6 over ${tokens} tokens: .* singular, expected about 60`;
        await assert.rejects(ridge(parts(training, choosing), true, products), RegExp(message));
      }
    }
    const odd = momentsFrom([[NaN, 1, 1, 1, 1, 1]], [[1, 1, 1, 1]]);
    await assert.rejects(ridge(parts(odd), true, products), /are singular/);
  }));
