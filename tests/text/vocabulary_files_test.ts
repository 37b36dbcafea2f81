/** `vocab.json` and `merges.txt` alone: ids of transformers' own reading of them. */
import assert from "node:assert/strict";
import { tokenizerFromVocabulary } from "../../src/text/mod.ts";

interface Row {
  readonly texts: readonly string[];
  readonly ids: readonly (readonly number[])[];
  readonly bos: number | null;
  readonly eos: number;
}

const { files, gguf } = JSON.parse(
  await Deno.readTextFile(new URL("../fixtures/tokens/bytes.json", import.meta.url)),
) as { files: Record<string, Row>; gguf: Record<string, string[]> };
const tokens = [...gguf["tokenizer.ggml.tokens"], "<|endoftext|>"];
const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
const merges = `#version: 0.2\n${gguf["tokenizer.ggml.merges"].join("\n")}\n`;
const plain = { vocab, merges, added: null, config: null, model: {} };

for (const [kind, { texts, ids, bos, eos }] of Object.entries(files)) {
  Deno.test(`vocab.json and merges.txt of a ${kind}: ids of transformers`, () => {
    const model_type = kind === "GPT2Tokenizer" ? "gpt2" : "qwen2";
    for (const told of [{ config: { tokenizer_class: kind } }, { model: { model_type } }]) {
      const tokenizer = tokenizerFromVocabulary({ ...plain, ...told });
      texts.forEach((text, i) => assert.deepEqual(tokenizer.encode(text), ids[i], JSON.stringify(text)));
      assert.deepEqual([tokenizer.bos, tokenizer.eos, tokenizer.vocabularySize], [bos, eos, tokens.length]);
    }
  });
}

Deno.test("the two kinds cut words in ways of their own", () => {
  assert.notDeepEqual(files.GPT2Tokenizer.ids, files.Qwen2Tokenizer.ids);
});

Deno.test("added tokens are recognised, from either file", () => {
  const id = tokens.length;
  const model = { model_type: "gpt2" };
  const listed = { [id]: { content: "<tool>", special: false, normalized: false } };
  for (const told of [{ added: { "<tool>": id } }, { config: { added_tokens_decoder: listed } }]) {
    assert.deepEqual(tokenizerFromVocabulary({ ...plain, ...told, model }).encode("<tool><tool>"), [id, id]);
  }
});

for (
  const [what, given, message] of [
    [
      "of no known kind",
      { model: { model_type: "llama" } },
      /its class is null and the model's type "llama", expected/,
    ],
    ["of a class of Object", { config: { tokenizer_class: "constructor" } }, /its class is "constructor"/],
    [
      "that is a list",
      { vocab: ["a"], model: { model_type: "gpt2" } },
      /vocab\.json: expected an object of ids/,
    ],
    [
      "with an id that is none",
      { vocab: { a: -1 }, model: { model_type: "gpt2" } },
      /expected an object of ids/,
    ],
    ["with a merge of nothing", { merges: "a\n", model: { model_type: "gpt2" } }, /merge 0 is "a"/],
    [
      "with an added token without a text",
      { config: { added_tokens_decoder: { 5: 3 } }, model: { model_type: "gpt2" } },
      /added_tokens_decoder has no text for 5/,
    ],
  ] as const
) {
  Deno.test(`a vocabulary ${what} is refused`, () => {
    assert.throws(() => tokenizerFromVocabulary({ ...plain, ...given }), { name: "TypeError", message });
  });
}
