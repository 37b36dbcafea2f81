/** Patterns that never come to an end are stopped. */
import assert from "node:assert/strict";
import { guard } from "../../src/text/bounded.ts";
import { tokenizerFromJson } from "../../src/text/mod.ts";

const HOSTILE = String.raw`^(\w+\s?)*$\d`;
const VICTIM = `${"a".repeat(40)}!`;
const hang = () => /^(\w+\s?)*$\d/.test(VICTIM);

Deno.test("a guard stops what does not end, and lets through what ends, its values and errors", () => {
  const guarded = guard("Cannot try", 100);
  assert.deepEqual(guarded(3, () => [1, 2]), [1, 2]);
  assert.throws(() => guarded(3, () => JSON.parse("{")), SyntaxError);
  const begin = performance.now();
  assert.throws(() => guarded(3, hang), {
    name: "RangeError",
    message: /^Cannot try: not finished after \d+ ms for 3 char/,
  });
  assert.ok(performance.now() - begin < 5000);
});

Deno.test("many calls together may not take longer than their texts need", () => {
  const guarded = guard("Cannot try", 200);
  const wait = () => {
    for (const end = performance.now() + 50; performance.now() < end;);
  };
  assert.throws(() => {
    for (let call = 0; call < 100; call++) guarded(1, wait);
  }, RangeError);
  for (let call = 0; call < 10; call++) guarded(1000, wait);
});

const model = { type: "BPE", vocab: { [VICTIM]: 0, a: 1, "!": 2 }, merges: [], unk_token: "a" };
const pattern = { Regex: HOSTILE };

for (
  const [what, steps] of [
    ["Split", { pre_tokenizer: { type: "Split", pattern, behavior: "Isolated", invert: false } }],
    ["normaliser", { normalizer: { type: "Replace", pattern, content: "" } }],
  ] as const
) {
  Deno.test(`a tokenizer whose ${what} does not end is an error`, () => {
    const tokenizer = tokenizerFromJson({ model, ...steps }, {});
    assert.throws(() => tokenizer.encode(VICTIM), {
      name: "RangeError",
      message: /^Cannot use the tokenizer: not finished after/,
    });
  });
}

Deno.test("a tokenizer whose decoder does not end is an error", () => {
  const decoder = { type: "Replace", pattern, content: "" };
  const tokenizer = tokenizerFromJson({ model, decoder }, {});
  assert.throws(() => tokenizer.decode([0]), {
    name: "RangeError",
    message: /^Cannot use the tokenizer: not finished after/,
  });
});

Deno.test("a tokenizer that does not end while its added tokens are normalised is an error", () => {
  const added_tokens = [{ id: 3, content: VICTIM, normalized: true }];
  const normalizer = { type: "Replace", pattern, content: "" };
  const build = () => tokenizerFromJson({ model, normalizer, added_tokens }, {});
  assert.throws(build, { name: "RangeError", message: /^Cannot build the tokenizer: not finished after/ });
});
