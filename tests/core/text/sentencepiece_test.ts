/** Tokenizers without `tokenizer.json`: ids of Google's own code for `tokenizer.model` (models of tests/fixtures/make_sentencepiece.py), ids of transformers for `vocab.json` and `merges.txt`. */
import assert from "node:assert/strict";
import { tokenizerFromJson, tokenizerFromSentencePiece, tokenizerFromVocabulary } from "core/text/mod.ts";
import { readJson } from "../../fixtures/read.ts";
import { refuses } from "../../support.ts";

interface Row {
  readonly name: string;
  readonly model: string;
  readonly texts: readonly string[];
  readonly ids: readonly (readonly number[])[];
  readonly bos: number;
  readonly eos: number;
  readonly size: number;
}

const file = Deno.env.get("SENTENCEPIECE_ROWS") ??
  new URL("../../fixtures/tokens/sentencepiece.json", import.meta.url);
const rows: Row[] = JSON.parse(await Deno.readTextFile(file));
const bytesOf = ({ model }: Row) => Uint8Array.from(atob(model), (letter) => letter.charCodeAt(0));

for (const row of rows) {
  Deno.test(`tokenizer.model, ${row.name}: ids of SentencePiece`, () => {
    const tokenizer = tokenizerFromSentencePiece(bytesOf(row), null);
    row.texts.forEach((text, i) => assert.deepEqual(tokenizer.encode(text), row.ids[i], text));
    assert.deepEqual([tokenizer.bos, tokenizer.eos, tokenizer.vocabularySize], [row.bos, row.eos, row.size]);
  });
}

Deno.test("what is decoded is the text, where nothing in it is changed", () => {
  const row = rows.find(({ name }) => name === "bpe, bytes, no prefix")!;
  const tokenizer = tokenizerFromSentencePiece(bytesOf(row), null);
  const texts = row.texts.filter((text) => !/[\ufeff▁]/u.test(text)); // a mark of byte order is left out, ▁ stands for a space
  for (const text of texts) assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
});

Deno.test("a text in parts has the ids of the whole; Unigram, and a text that a table changes, has no place to cut", () => {
  for (const row of rows) {
    const tokenizer = tokenizerFromSentencePiece(bytesOf(row), null);
    const cuts = row.texts.map((text) => [text, tokenizer.lastCut(text)] as const).filter(([, cut]) => cut);
    assert.equal(cuts.length > 0, /^bpe(?!, own table)/.test(row.name), row.name);
    for (const [text, cut] of cuts) {
      const parts = [...tokenizer.encode(text.slice(0, cut)), ...tokenizer.encode(text.slice(cut), true)];
      assert.deepEqual(parts, tokenizer.encode(text), `${row.name}: ${JSON.stringify(text)} at ${cut}`);
    }
  }
});

Deno.test("a model that is cut off, or has a byte changed, is refused or read, and nothing else", () => {
  const bytes = bytesOf(rows[0]);
  const read = (bytes: Uint8Array<ArrayBuffer>) => {
    try {
      return tokenizerFromSentencePiece(bytes, null).encode("The fox").length;
    } catch (error) {
      assert.match(String(error), /^(Syntax|Type|Range)Error: Cannot /);
      return null;
    }
  };
  assert.equal(read(new Uint8Array()), null);
  assert.equal(read(new TextEncoder().encode("IQ== 0\nIg== 1\n")), null); // of tiktoken
  for (let length = 1; length < bytes.length; length += 97) read(bytes.slice(0, length));
  for (let at = 0; at < bytes.length; at += 61) read(bytes.with(at, bytes[at] ^ 0xff));
});

Deno.test("a Unigram vocabulary that is none is refused", () => {
  const build = ([vocab, unk_id, text = ""]: readonly [vocab: unknown, unk_id: unknown, text?: string]) =>
    tokenizerFromJson({ model: { type: "Unigram", vocab, unk_id } }, null).encode(text);
  const names = [["<unk>", 0], ["__proto__", -1], ["constructor", -1]];
  assert.deepEqual(build([names, 0, "__proto__ constructor"]), [1, 0, 2]);
  return refuses("TypeError: Cannot ", build, [
    [[[["a", -1], 5], 0], ": model.vocab[1] is 5, expected [token, score]"],
    [[[["a", -1]], 7], "unk_id is 7, expected one of 1 tokens"],
    [[[["a", -1]], null, "b"], 'has no "b"'],
  ]);
});

interface Kept {
  readonly texts: readonly string[];
  readonly ids: readonly (readonly number[])[];
  readonly bos: number | null;
  readonly eos: number;
}

const { files, gguf } = await readJson("tests/fixtures/tokens/bytes.json") as {
  files: Record<string, Kept>;
  gguf: Record<string, string[]>;
};
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

const gpt2 = { model: { model_type: "gpt2" } };
Deno.test("a vocabulary of no known kind, or whose files are not what they are called, is refused", () =>
  refuses("TypeError: Cannot ", (given: object) => tokenizerFromVocabulary({ ...plain, ...given }), [
    [{ model: { model_type: "llama" } }, 'its class is null and the model\'s type "llama", expected'],
    [{ config: { tokenizer_class: "constructor" } }, 'its class is "constructor"'],
    [{ ...gpt2, vocab: ["a"] }, "vocab.json: expected an object of ids"],
    [{ ...gpt2, vocab: { a: -1 } }, "expected an object of ids"],
    [{ ...gpt2, merges: "a\n" }, 'merge 0 is "a"'],
    [{ ...gpt2, config: { added_tokens_decoder: { 5: 3 } } }, "added_tokens_decoder has no text for 5"],
  ]));
