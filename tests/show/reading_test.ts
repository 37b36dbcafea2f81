/** Sentences with numbers of results. */
import assert from "node:assert/strict";
import { intervalWords, reading } from "../../src/show/mod.ts";

Deno.test("a reading joins words with numbers, lists, intervals and what is missing", () => {
  const estimate = { difference: -0.0112, low: -0.0294, high: 0.00712 };
  assert.equal(
    reading`${1234567} of ${24}: ${35.8265}, ${[1, 2, "x"]}, ${estimate}; ${null}.`,
    "1,234,567 of 24: 35.8, 1, 2, x, −0.0112 (−0.0294 to 0.00712); not measured.",
  );
  assert.equal(
    reading`${{ ...estimate, low: null, high: null }}`,
    "−0.0112 (no interval from a single sample)",
  );
  assert.equal(reading`Cheaper: ${[]}.`, "Cheaper: none.");
  assert.throws(() => reading`${NaN}`, /it is NaN, expected a finite one/);
});

Deno.test("words follow the interval, and a touch of zero is neither", () => {
  const words = { below: "less", above: "more", neither: "alike" };
  assert.equal(intervalWords({ low: -2, high: -1 }, words), "less");
  assert.equal(intervalWords({ low: 1, high: 2 }, words), "more");
  assert.equal(intervalWords({ low: -1, high: 0 }, words), "alike");
  assert.equal(intervalWords({ low: 0, high: 1 }, words), "alike");
  assert.equal(intervalWords({ low: null, high: null }, words), "alike");
  assert.equal(intervalWords({ low: -1, high: 1 }, { below: "a", above: "b" }), "cannot be told apart");
});
