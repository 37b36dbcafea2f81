/** Sums over tokens: parts add up to the whole, and covariances are those of plain sums. */
import assert from "node:assert/strict";
import { merged } from "../../../src/run/mod.ts";
import { covariance, noMoments } from "../../../src/run/repair/moments.ts";
import { distance } from "../../support.ts";
import { gaussian, momentsFrom, rows } from "./sums.ts";

const draw = gaussian(1);
const [inputs, targets] = [rows(draw, 30, 4), rows(draw, 30, 3)];
const weights = inputs.map((_, i) => 0.5 + i % 3);

Deno.test("moments of parts are merged to those of the whole, in any order", () => {
  const part = (from: number, to: number) =>
    momentsFrom(inputs.slice(from, to), targets.slice(from, to), weights.slice(from, to));
  const [a, b, c] = [part(0, 7), part(7, 8), part(8, 30)];
  const whole = momentsFrom(inputs, targets, weights);
  for (const sum of [merged(merged(a, b), c), merged(c, merged(b, a)), merged(whole, noMoments(4, 3))]) {
    assert.equal(sum.tokens, 30);
    // Sums of 30 numbers up to 30 in another order: float64's last digits.
    assert.ok(Math.abs(sum.weight - whole.weight) < 1e-12 && Math.abs(sum.tt - whole.tt) < 1e-12);
    for (const name of ["u", "t", "uu", "tu"] as const) assert.ok(distance(sum[name], whole[name]) < 1e-12);
  }
  assert.equal(a.tokens, 7); // merging leaves the parts as they are
});

Deno.test("covariances are about weighted means, or mean products", () => {
  const moments = momentsFrom(inputs, targets, weights);
  const total = weights.reduce((sum, w) => sum + w, 0);
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value, n) => sum + weights[n] * value, 0) / total;
  const column = (of: readonly (readonly number[])[], i: number) => of.map((row) => row[i]);
  for (const centred of [false, true]) {
    const { uu, tu, tt } = covariance(moments, centred);
    const product = (a: readonly number[], b: readonly number[]) =>
      mean(a.map((value, n) => value * b[n])) - (centred ? mean(a) * mean(b) : 0);
    assert.ok(Math.abs(uu[4 + 2] - product(column(inputs, 1), column(inputs, 2))) < 1e-12);
    assert.ok(Math.abs(tu[2 * 4 + 3] - product(column(targets, 2), column(inputs, 3))) < 1e-12);
    const square = [0, 1, 2].reduce((sum, i) => sum + product(column(targets, i), column(targets, i)), 0);
    assert.ok(Math.abs(tt - square) < 1e-12);
  }
});
