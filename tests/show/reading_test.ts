/** Sentences with numbers of results. */
import assert from "node:assert/strict";
import { median } from "../../src/measure/mod.ts";
import { correlationWords, intervalWords, reading } from "../../src/show/mod.ts";

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
  assert.equal(reading([] as unknown as TemplateStringsArray), ""); // a list that is no template
  assert.throws(() => reading`${NaN}`, /found NaN, expected a finite one/);
});

Deno.test("an indented line of a reading continues the line before it, another one stays a line", () => {
  assert.equal(
    reading`One,
      two, ${"a\n b"},
      three.
- four`,
    "One, two, a\n b, three.\n- four",
  );
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

Deno.test("words follow a correlation's interval, or its layers where it is perfect", () => {
  const words = { below: "falls", above: "rises" };
  const found = { rank: 0.5, layers: 30, low: 0.2, high: 0.7 };
  assert.equal(correlationWords(found, words), "rises");
  assert.equal(correlationWords({ ...found, rank: -0.5, low: -0.7, high: -0.2 }, words), "falls");
  assert.equal(correlationWords({ ...found, low: -0.1 }, words), "cannot be told from 0");
  const perfect = { rank: -1, low: null, high: null };
  assert.equal(correlationWords({ ...perfect, layers: 5 }, words), "falls");
  assert.equal(correlationWords({ ...perfect, layers: 4 }, { ...words, neither: "open" }), "open");
  assert.equal(correlationWords({ ...perfect, rank: null, layers: 30 }, words), "cannot be told from 0");
});

Deno.test("the median passes over what is not measured", () => {
  assert.equal(median([0.2, null, 0.1, 0.6]), 0.2);
  assert.equal(median([4, 1, null]), 2.5);
  assert.equal(median([null]), null);
});
