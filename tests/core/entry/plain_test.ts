// deno-lint-ignore-file no-control-regex -- control characters are what is tested
/** Text from outside as one line, as JSON and as a shell word; system errors in words. `plain`: tests/core/show/plain_test.ts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { failure, jsonText, oneLine, reasonOf, shellWord } from "core/entry/mod.ts";
import { printed } from "../../tools.ts";

const ACTS = /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]|\p{Cs}/u;
const anyText = fc.string({ unit: "binary" });

Deno.test("one line is plain, bounded, and kept where it fits", () => {
  assert.equal(oneLine(" mit\n", 60), "mit");
  assert.equal(oneLine("a\x1b[31m\nb", 60), "a\ufffd[31m b");
  assert.equal(oneLine("模型模型", 3), "模型…");
  assert.equal(oneLine("😀😀😀", 2), "😀…"); // no half of a character
  fc.assert(fc.property(anyText, fc.integer({ min: 1, max: 20 }), (text, most) => {
    const line = oneLine(text, most);
    assert.ok([...line].length <= most);
    assert.doesNotMatch(line, ACTS);
    assert.ok(!line.includes("\n"));
  }));
});

Deno.test("JSON parses to the same value, and nothing in it acts on a terminal", () => {
  assert.equal(jsonText({ a: "é模" }), '{"a":"é模"}');
  assert.equal(jsonText(["\x9b1m\x7f\u2028\u202e"]), String.raw`["\u009b1m\u007f\u2028\u202e"]`);
  assert.equal(jsonText([1], 1), "[\n 1\n]");
  fc.assert(fc.property(anyText, fc.nat(2), (text, indent) => {
    const json = jsonText({ [text]: [text] }, indent);
    assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify({ [text]: [text] })));
    assert.doesNotMatch(json, ACTS);
    assert.equal(json.split("\n").length, indent === 0 ? 1 : 5);
  }));
});

Deno.test("a quoted word reaches a shell unchanged", async () => {
  assert.equal(shellWord("HuggingFaceTB/SmolLM2-135M@main"), "HuggingFaceTB/SmolLM2-135M@main");
  const words = [
    ...[
      ...["it's", "a b", "", "$HOME", "$(id)", "`id`", '"', "\\", "*", "~", "a;b", "!1", "{a,b}", "=ls"],
      ...["#x", "-n"],
    ],
    ...fc.sample(fc.string({ unit: "grapheme-ascii" }), { numRuns: 200, seed: 1 }),
  ];
  const out = await printed("sh", ["-c", `printf '%s\\0' ${words.map(shellWord).join(" ")}`]);
  assert.deepEqual(out.split("\0").slice(0, -1), words);
  assert.equal(shellWord("a\nb\x1b"), "'a b\ufffd'"); // what cannot be seen is not to be pasted
});

Deno.test("a system error is reported in words, whichever library raised it, and keeps its code", async () => {
  const errors = await Promise.all([
    Deno.stat("/none/of/it"),
    Deno.readTextFile("/none/of/it"),
    import("node:fs/promises").then(({ readFile }) => readFile("/none/of/it")),
  ].map((call) => call.then(() => null, (error: Error) => error)));
  for (const error of errors) {
    assert.equal(reasonOf(error), "no such file or folder");
    const said = failure("Cannot read it", error) as Error & { code: string };
    assert.deepEqual([said.message, said.code], ["Cannot read it: no such file or folder", "ENOENT"]);
  }
  assert.equal(reasonOf(new Error("other")), "other");
});
