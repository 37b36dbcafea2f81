/** Ridge regression: exact maps, the strength that held-out tokens choose, and inputs that are singular. */
import assert from "node:assert/strict";
import { merged, openProducts, type Products, ridge } from "../../../src/run/mod.ts";
import { STRENGTHS } from "../../../src/run/repair/ridge.ts";
import { noMoments } from "../../../src/run/repair/moments.ts";
import { distance, engine } from "../../support.ts";
import { drawn, gaussian, momentsFrom, rows } from "./sums.ts";

async function withProducts(use: (products: Products) => Promise<void>): Promise<void> {
  const products = await openProducts(engine);
  try {
    await use(products);
  } finally {
    await products.release();
  }
}

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
      const held = rows(gaussian(4), 20, P);
      const fit = await ridge(all, momentsFrom(held, mapped(held)), { centred: true }, products);
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
    const fit = await ridge(all, null, { centred: false, strengths: [1e-9] }, products);
    assert.ok(distance(fit.weight.data, W.data) < 1e-6);
    assert.deepEqual([...fit.bias], bias.map(() => 0));
    assert.deepEqual([fit.strength, fit.left], [1e-9, null]);
    assert.equal((await ridge(all, null, { centred: false }, products)).strength, 1e-3);
  }));

Deno.test("the strength is the one with the least error on held-out tokens, and W is fitted on all", () =>
  withProducts(async (products) => {
    const chosen = new Set<number>();
    for (const [tokens, noise] of [[7, 8], [7, 30], [200, 0.1]]) {
      const inputs = rows(gaussian(tokens), tokens, P);
      const held = rows(gaussian(99), 40, P);
      const draw = gaussian(17);
      const [training, left] = [
        momentsFrom(inputs, mapped(inputs, noise, draw)),
        momentsFrom(held, mapped(held, noise, draw)),
      ];
      const fit = await ridge(training, left, { centred: true }, products);
      const errors = await Promise.all(
        STRENGTHS.map((strength) =>
          ridge(training, left, { centred: true, strengths: [strength] }, products)
        ),
      );
      const best = errors.toSorted((a, b) => a.left! - b.left!)[0];
      assert.deepEqual([fit.strength, fit.left], [best.strength, best.left]);
      chosen.add(fit.strength);
      const whole = await ridge(
        merged(training, left),
        null,
        { centred: true, strengths: [fit.strength] },
        products,
      );
      assert.ok(distance(fit.weight.data, whole.weight.data) < 1e-12);
    }
    assert.ok(chosen.size > 1, `${[...chosen]}`); // noise and few tokens need a stronger ridge
  }));

Deno.test("the strength for a thousand targets is chosen on sums of them, and its error is that of all", () =>
  withProducts(async (products) => {
    const wide = drawn(gaussian(5), 1100, P);
    const draw = gaussian(6);
    const of = (inputs: readonly (readonly number[])[], noise: number) =>
      momentsFrom(
        inputs,
        inputs.map((u) =>
          Array.from(
            { length: 1100 },
            (_, q) => u.reduce((sum, value, p) => sum + wide.data[q * P + p] * value, noise * draw()),
          )
        ),
      );
    for (const [tokens, noise] of [[7, 8], [200, 0.1]]) {
      const [training, held] = [of(rows(draw, tokens, P), noise), of(rows(draw, 40, P), noise)];
      const fit = await ridge(training, held, { centred: true }, products);
      const lefts: number[] = [];
      for (const strength of STRENGTHS) {
        lefts.push((await ridge(training, held, { centred: true, strengths: [strength] }, products)).left!);
      }
      assert.equal(fit.strength, STRENGTHS[lefts.indexOf(Math.min(...lefts))]);
      assert.equal(fit.left, Math.min(...lefts));
    }
  }));

Deno.test("inputs that are singular or not finite are refused, and the message says how many tokens are needed", () =>
  withProducts(async (products) => {
    const zeros = momentsFrom(rows(() => 0, 5, P), rows(gaussian(1), 5, Q));
    for (const [training, tokens] of [[zeros, 5], [noMoments(P, Q), 0]] as const) {
      for (const heldOut of [null, noMoments(P, Q)]) {
        await assert.rejects(
          ridge(training, heldOut, { centred: true }, products),
          new RegExp(
            `^RangeError: Cannot fit 4 numbers from 6 over ${tokens} tokens: .* singular, expected about 60`,
          ),
        );
      }
    }
    const odd = momentsFrom([[NaN, 1, 1, 1, 1, 1]], [[1, 1, 1, 1]]);
    await assert.rejects(ridge(odd, null, { centred: true }, products), /are singular/);
  }));
