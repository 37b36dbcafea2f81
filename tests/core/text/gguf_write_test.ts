/** A tokenizer.json as a GGUF file has it, and back: the same ids; what GGUF has no words for is refused by name. */
import assert from "node:assert/strict";
import { type GgufTokens, ggufVocabulary, tokenizerFromGguf, tokenizerFromJson } from "core/text/mod.ts";
import { TokenType } from "core/text/formats/gguf_metadata.ts";

/** GPT-2's letters for bytes, of which the plain ones are themselves. */
const letters = [..."!\"#$%&'()*+,-./0123456789:;ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzĠĊ"];
const vocab = Object.fromEntries([...letters, "th", "the", "Ġthe"].map((token, id) => [token, id]));
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };
const split = (Regex: string) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false });
const words = (digits: string) =>
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|` + digits +
  String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const sequence = (...pretokenizers: unknown[]) => ({ type: "Sequence", pretokenizers });

const size = letters.length + 3;
const base = {
  added_tokens: [
    { id: size, content: "<|end|>", special: true, normalized: false },
    { id: size + 1, content: "<tool>", special: false, normalized: false },
  ],
  normalizer: null as unknown,
  pre_tokenizer: { ...byteLevel, use_regex: true } as unknown,
  decoder: { type: "ByteLevel" },
  model: { type: "BPE", vocab, merges: ["t h", "th e", "Ġ the"] as unknown[], ignore_merges: false },
};

const named: Record<string, typeof base> = {
  "gpt-2": base,
  smollm: {
    ...base,
    pre_tokenizer: sequence({ type: "Digits", individual_digits: true }, { ...byteLevel, use_regex: true }),
  },
  "llama-bpe": {
    ...base,
    pre_tokenizer: sequence(split(words(String.raw`\p{N}{1,3}`)), byteLevel),
    model: { ...base.model, ignore_merges: true },
  },
  qwen2: {
    ...base,
    normalizer: { type: "NFC" },
    pre_tokenizer: sequence(split(words(String.raw`\p{N}`)), byteLevel),
  },
};

for (const [name, json] of Object.entries(named)) {
  Deno.test(`${name}: the name is found, and the file's tokenizer gives the same ids`, () => {
    const found = ggufVocabulary(json, size + 5);
    assert.ok(typeof found !== "string", String(found));
    assert.equal(found.pre, name);
    assert.deepEqual(found.merges, ["t h", "th e", "Ġ the"]);
    assert.equal(found.tokens.length, size + 5);
    assert.equal(found.tokens.at(-1), `[PAD${size + 4}]`);
    const { normal, control, userDefined, unused } = TokenType;
    const types = [...Array(size).fill(normal), control, userDefined, ...Array(3).fill(unused)];
    assert.deepEqual(found.types, types);
    const { pre, tokens, types: token_type, merges } = found;
    const metadata = Object.entries({ model: "gpt2", pre, tokens, token_type, merges });
    const back = tokenizerFromGguf(new Map(metadata.map(([key, value]) => [`tokenizer.ggml.${key}`, value])));
    const text = "the then<|end|>12345 <tool> it's the end";
    const ids = tokenizerFromJson(json, null).encode(text);
    assert.ok(ids.includes(size) && ids.includes(size + 1) && ids.includes(vocab["Ġthe"]));
    assert.deepEqual(back.encode(text), ids);
  });
}

const asking = (model: object) => ({ ...base, model: { ...base.model, ...model } });
const refusals: [json: unknown, why: string][] = [
  [{ ...base, pre_tokenizer: { type: "Metaspace" } }, "way that has no name in GGUF files"],
  [{ ...base, pre_tokenizer: null }, "way that has no name"],
  [{ ...base, pre_tokenizer: sequence(split("x+"), byteLevel) }, "no name"],
  [{ ...base, normalizer: { type: "Lowercase" } }, "no name"],
  [asking({ ignore_merges: true }), "no name"], // words kept whole
  [asking({ byte_fallback: true }), "is SentencePiece's"],
  [{ ...base, model: { type: "Unigram", vocab: [["a", 0]] } }, "is Unigram, expected byte-level"],
  [asking({ end_of_word_suffix: "</w>" }), "end_of_word_suffix"],
  [
    { ...base, added_tokens: [{ id: 3, content: "<mask>", lstrip: true }] },
    'added token "<mask>" with lstrip',
  ],
];

Deno.test("refused: what GGUF has no words for", () => {
  for (const [json, why] of refusals) {
    const found = ggufVocabulary(json, size + 5);
    assert.ok(typeof found === "string" && found.includes(why), `${why}: ${JSON.stringify(found)}`);
  }
});

Deno.test("refused: more tokens than the embedding has rows, merges that are none, what is no tokenizer", () => {
  assert.match(ggufVocabulary(base, 5) as string, /has \d+ tokens, expected at most the 5 rows/);
  const merges = (...list: unknown[]) => ({ ...base, model: { ...base.model, merges: list } });
  assert.deepEqual((ggufVocabulary(merges(["t", "h"]), 500) as GgufTokens).merges, ["t h"]);
  for (const merge of [7, ["a"], { a: 1 }, null]) {
    assert.throws(() => ggufVocabulary(merges("t h", merge), 500), /^TypeError: .*model\.merges\[1\] is/);
  }
  assert.throws(() => ggufVocabulary({ model: null }, 500), { name: "TypeError" });
});
