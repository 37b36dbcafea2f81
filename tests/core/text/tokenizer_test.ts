/** Texts against vectors of Hugging Face's own libraries. */
import assert from "node:assert/strict";
import { type Tokenizer, tokenizerFromGguf, tokenizerFromJson } from "core/text/mod.ts";
import { readJson } from "../../fixtures/read.ts";

interface Fixture {
  texts: string[];
  ids: Record<string, number[][]>;
  gguf: Record<string, unknown>;
  tokenizer: Record<string, unknown>;
  config: Record<string, unknown>;
  edges?: { texts: string[]; ids: Record<string, number[][]>; tokens: string[]; merges: string[] };
  splits: { pre_tokenizer: unknown; ids: number[][] }[];
}

const fixture = async (name: string): Promise<Fixture> =>
  JSON.parse(await Deno.readTextFile(new URL(`../../fixtures/tokens/${name}.json`, import.meta.url)));

const bytes = await fixture("bytes");
const pieces = await fixture("pieces");

/** The metadata of a fixture, some entries changed; undefined removes one. */
function metadata(base: Fixture, changes: Record<string, unknown> = {}): Map<string, unknown> {
  const entries = new Map(Object.entries(base.gguf));
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) entries.delete(`tokenizer.ggml.${name}`);
    else entries.set(`tokenizer.ggml.${name}`, value);
  }
  return entries;
}

function assertIds(tokenizer: Tokenizer, { texts }: Fixture, expected: number[][]) {
  texts.forEach((text, i) => assert.deepEqual(tokenizer.encode(text), expected[i], JSON.stringify(text)));
}

for (const pre of Object.keys(bytes.ids)) {
  Deno.test(`byte-level GGUF, pre-tokenizer ${pre}: ids of Hugging Face`, () => {
    assertIds(tokenizerFromGguf(metadata(bytes, { pre })), bytes, bytes.ids[pre]);
  });
}

/** Names that cut alike. */
const SAME = new Set(["smollm refact", "dbrx glm4", "llama-bpe dbrx", "llama-bpe glm4"]);

for (const [pre, ids] of Object.entries(bytes.edges!.ids)) {
  Deno.test(`byte-level GGUF, pre-tokenizer ${pre}: words end where Hugging Face's do`, () => {
    const { tokens, merges, texts } = bytes.edges!;
    const own = { pre, tokens, merges, token_type: tokens.map(() => 1), bos_token_id: 0, eos_token_id: 0 };
    assertIds(tokenizerFromGguf(metadata(bytes, own)), { ...bytes, texts }, ids);
    for (const [other, theirs] of Object.entries(bytes.edges!.ids)) {
      const isSame = pre === other || SAME.has(`${pre} ${other}`) || SAME.has(`${other} ${pre}`);
      assert.ok(isSame || JSON.stringify(theirs) !== JSON.stringify(ids), `${pre}, ${other}`);
    }
  });
}

Deno.test("a GGUF without a pre-tokenizer is cut like GPT-2's", () => {
  const unnamed = tokenizerFromGguf(metadata(bytes, { pre: undefined }));
  assertIds(unnamed, bytes, bytes.ids["gpt-2"]);
  assert.notDeepEqual(bytes.ids["gpt-2"], bytes.ids.smollm, "the texts must tell the two apart");
});

for (const [name, add_space_prefix] of [["plain", false], ["prefix", true]] as const) {
  Deno.test(`SentencePiece GGUF, ${name}: ids of Hugging Face`, () => {
    assertIds(tokenizerFromGguf(metadata(pieces, { add_space_prefix })), pieces, pieces.ids[name]);
  });
}

Deno.test("SentencePiece GGUF: typed arrays serve as well", () => {
  const scores = Float32Array.from(pieces.gguf["tokenizer.ggml.scores"] as number[]);
  const token_type = Int32Array.from(pieces.gguf["tokenizer.ggml.token_type"] as number[]);
  assertIds(tokenizerFromGguf(metadata(pieces, { scores, token_type })), pieces, pieces.ids.plain);
});

Deno.test("tokenizer.json: ids of Hugging Face, special tokens in both spellings", () => {
  const tokenizer = tokenizerFromJson(bytes.tokenizer, bytes.config);
  assertIds(tokenizer, bytes, bytes.ids.smollm);
  assert.deepEqual([tokenizer.bos, tokenizer.eos], [0, 1]);
  assert.equal(tokenizer.vocabularySize, (bytes.gguf["tokenizer.ggml.tokens"] as string[]).length);
});

for (const { pre_tokenizer, ids } of bytes.splits) {
  const { type, behavior = "" } = (pre_tokenizer as { pretokenizers: { type: string; behavior?: string }[] })
    .pretokenizers[0];
  Deno.test(`tokenizer.json, ${type} ${behavior}: ids of Hugging Face`, () => {
    assertIds(tokenizerFromJson({ ...bytes.tokenizer, pre_tokenizer }, bytes.config), bytes, ids);
  });
}

Deno.test("tokenizer.json: config.json speaks only where tokenizer_config.json is silent", () => {
  const ids = { bos_token_id: 5, eos_token_id: [7, 8] };
  const specials = (config: unknown) => {
    const { bos, eos } = tokenizerFromJson(bytes.tokenizer, config, ids);
    return [bos, eos];
  };
  assert.deepEqual(specials(undefined), [5, 7]);
  assert.deepEqual(specials({ bos_token: null }), [null, 7]);
  assert.deepEqual(specials({ eos_token: "<|end|>" }), [5, 1]);
});

Deno.test("tokenizer.json: texts begin with BOS where the configuration, or else the post-processor, says so", () => {
  const adds = ([post_processor, config = {}]: readonly [unknown, object?]) =>
    tokenizerFromJson({ ...bytes.tokenizer, post_processor }, { ...bytes.config, ...config }).addsBos;
  const template = (id: string) => ({
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  });
  const sequence = { type: "Sequence", processors: [{ type: "ByteLevel" }, template("<|start|>")] };
  const roberta = { type: "RobertaProcessing", cls: ["<|start|>", 0], sep: ["<|end|>", 1] };
  const some = [[template("<|start|>")], [sequence], [roberta], [null, { add_bos_token: true }]] as const;
  const none = [template("<|end|>"), { type: "ByteLevel" }, null].map((own) => [own] as const);
  assert.deepEqual(some.map(adds), some.map(() => true));
  assert.deepEqual([...none, [sequence, { add_bos_token: false }] as const].map(adds), Array(4).fill(false));
});

Deno.test("GGUF: texts begin with BOS where the file says so, or else where its kind does", () => {
  const adds = (base: Fixture, changes: Record<string, unknown> = {}) =>
    tokenizerFromGguf(metadata(base, changes)).addsBos;
  assert.equal(adds(bytes, { add_bos_token: undefined }), false);
  assert.equal(adds(bytes, { pre: "llama-bpe", add_bos_token: undefined }), true);
  assert.equal(adds(bytes, { add_bos_token: true }), true);
  assert.equal(adds(pieces), true);
  assert.equal(adds(pieces, { add_bos_token: false }), false);
  assert.throws(() => adds(pieces, { add_bos_token: 1 }), /add_bos_token: a number, expected true or false/);
});

Deno.test("decode gives special tokens and text back, and refuses foreign ids", () => {
  const tokenizer = tokenizerFromGguf(metadata(bytes));
  const text = "<|start|>  It 's 12 ü 😀\n<|end|>";
  assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
  assert.equal(tokenizer.decode([]), "");
  for (const id of [-1, tokenizer.vocabularySize, 1.5, NaN]) {
    assert.throws(() => tokenizer.decode([0, id]), RangeError);
  }
});

Deno.test("SentencePiece: bytes stand in for unknown characters, and come back", () => {
  const tokenizer = tokenizerFromGguf(metadata(pieces));
  const text = "  ไทย 🜁 x";
  assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
  const prefixed = tokenizerFromGguf(metadata(pieces, { add_space_prefix: true }));
  assert.equal(prefixed.decode(prefixed.encode(text)), text);
});

Deno.test("the fingerprint follows what decides the ids, and nothing else", () => {
  const print = (changes?: Record<string, unknown>) =>
    tokenizerFromGguf(metadata(bytes, changes)).fingerprint;
  assert.match(print(), /^[0-9a-f]{64}$/);
  assert.equal(print(), print({ padding_token_id: 3 }));
  const merges = (bytes.gguf["tokenizer.ggml.merges"] as string[]).toReversed();
  for (const changes of [{ pre: "gpt-2" }, { eos_token_id: 3 }, { merges }]) {
    assert.notEqual(print(), print(changes));
  }
});

const own = (base: Fixture, name: string) => base.gguf[`tokenizer.ggml.${name}`] as string[];

/** Errors, and the changes of metadata that they refuse. */
const HOSTILE: Record<"bytes" | "pieces", Record<string, Record<string, unknown>>> = {
  bytes: {
    'ggml.model: missing, expected "gpt2" or "llama"': { model: undefined },
    'ggml.model: "rwkv"': { model: "rwkv" },
    'ggml.model: ["gpt2"]': { model: ["gpt2"] },
    'ggml.pre: found unknown pre-tokenizer "viking", expected one of gpt-2': { pre: "viking" },
    "ggml.tokens: it is missing, expected a list of strings": { tokens: undefined },
    "ggml.tokens: 0 tokens": { tokens: [] },
    "ggml.tokens: a list of something else": { tokens: [...own(bytes, "tokens").slice(1), 5] },
    "2097153 tokens, expected 1 to 2097152": { tokens: new Array(2 ** 21 + 1).fill("") },
    "ggml.token_type: 2 entries for ": { token_type: [1, 2] },
    "ggml.token_type: a string, expected a list of finite numbers": { token_type: "1" },
    "ggml.merges: a list of something else": { merges: [1] },
    "ggml.merges: it is missing": { merges: undefined },
    'merge 0 is "ab", expected two tokens that join to a third': { merges: ["ab"] },
    'merge 0 is "q@ @q"': { merges: ["q@ @q"] },
    'merge 0 is "q q"': { merges: ["q q"] },
    "add_space_prefix: a number, expected true or false": { add_space_prefix: 1 },
    "add_space_prefix: true, expected false": { add_space_prefix: true },
  },
  pieces: {
    "ggml.scores: it is missing": { scores: undefined },
    "ggml.scores: 1 entries for ": { scores: [0] },
    "ggml.scores: a list of something else": { scores: own(pieces, "scores").with(9, NaN as never) },
    "a token of 10000 characters, expected at most 512": {
      tokens: own(pieces, "tokens").with(-1, "x".repeat(10_000)),
    },
  },
};

/** Registers a test for each refusal: what is made of the value, and words of its error. */
function refusing<T>(kind: string, make: (value: T) => unknown, refused: Readonly<Record<string, T>>): void {
  for (const [words, value] of Object.entries(refused)) {
    Deno.test(`${kind} refused: ${words}`, () =>
      assert.throws(() => make(value), ({ message }: Error) => message.includes(words)));
  }
}

refusing("GGUF", (changes) => tokenizerFromGguf(metadata(bytes, changes)), HOSTILE.bytes);
refusing("GGUF", (changes) => tokenizerFromGguf(metadata(pieces, changes)), HOSTILE.pieces);

Deno.test("all scores equal, prototype names as tokens: no crash", () => {
  const names = ["__proto__", "constructor", "_", "p", "r", "o", "t", "__", "__p"];
  const all = [...(pieces.gguf["tokenizer.ggml.tokens"] as string[]), ...names];
  const types = [...(pieces.gguf["tokenizer.ggml.token_type"] as number[]), ...names.map(() => 1)];
  const changes = { tokens: all, token_type: types, scores: all.map(() => 0) };
  const tokenizer = tokenizerFromGguf(metadata(pieces, changes));
  assert.equal(tokenizer.decode(tokenizer.encode("__proto__ constructor")), "__proto__ constructor");
});

const model = { type: "BPE", vocab: { a: 0, b: 1 }, merges: [] };

const split = (behavior: string, invert = false) => (
  { type: "Split", pattern: { String: "," }, behavior, invert }
);

refusing<unknown>("tokenizer.json", (json) => tokenizerFromJson(json, {}), {
  "model is missing, expected an object": [],
  "model.vocab is missing, expected an object of ids": { model: { type: "BPE" } },
  "model.merges is missing, expected a list of merges": { model: { type: "BPE", vocab: {} } },
  'token "a" has id 0.5': { model: { ...model, vocab: { a: 0.5 } } },
  "has id 2147483648": { model: { ...model, vocab: { a: 2 ** 31 } } },
  'added_tokens[0] is {"id":2}, expected { id, content }': { model, added_tokens: [{ id: 2 }] },
  'token "x" has id -1': { model, added_tokens: [{ id: -1, content: "x" }] },
  'model.type is "RWKV", expected one of BPE, ': { model: { ...model, type: "RWKV" } },
  "model.type is missing, expected one of BPE": { model: { vocab: {} } },
  "model.vocab is [], expected an object of ids": { model: { ...model, vocab: [] } },
  'model.vocab is {"a":0,"b":1}, expected a list of [token, score]': { model: { ...model, type: "Unigram" } },
  "Rot13": { model, normalizer: { type: "Rot13" } },
  'a Split with behavior "MergedWithNext"': { model, pre_tokenizer: split("MergedWithNext") },
  'an inverted Split with behavior "Con': { model, pre_tokenizer: split("Contiguous", true) },
  "pre_tokenizer.pattern is missing, expected a text under String or Regex": {
    model,
    pre_tokenizer: { type: "Split" },
  },
  'pre_tokenizer.pretokenizers[0].pattern is {"Regex":3}, expected': {
    model,
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "Split", pattern: { Regex: 3 } }] },
  },
  "pre_tokenizer.length is 0, expected 1 or more characters": {
    model,
    pre_tokenizer: { type: "FixedLength", length: 0 },
  },
  "decoder.content is 3, expected a text": {
    model,
    decoder: { type: "Replace", pattern: { String: "a" }, content: 3 },
  },
  "normalizer.normalizers is missing, expected a list of steps": { model, normalizer: { type: "Sequence" } },
  "normalizer is 3, expected an object with a type": { model, normalizer: 3 },
  [`decoder is "${"x".repeat(79)}…, expected an object with a type`]: { model, decoder: "x".repeat(1000) },
  "model.merges[0] is 3, expected two tokens": { model: { ...model, merges: [3] } },
});

for (const type of ["BPE", "WordPiece", "WordLevel"]) {
  Deno.test(`a word that ${type} does not know, without a token for such words, is refused, and is no id 0`, () => {
    const model = { type, vocab: { a: 0 }, merges: ["b c"], unk_token: "<unk>" };
    const tokenizer = tokenizerFromJson({ pre_tokenizer: { type: "Whitespace" }, model }, {});
    assert.deepEqual(tokenizer.encode("a a"), [0, 0]);
    assert.throws(() => tokenizer.encode("a bc"), /has neither "(bc|<unk>)" nor "<unk>", expected a/);
  });
}

Deno.test("a BOS or EOS that names no token is an error only where it is used", () => {
  const text = "The quick brown fox";
  const json = (config: object, ids?: Parameters<typeof tokenizerFromJson>[2]) =>
    tokenizerFromJson(bytes.tokenizer, config, ids);
  const gguf = (bos_token_id: unknown) => tokenizerFromGguf(metadata(bytes, { bos_token_id }));
  const broken: [Tokenizer, RegExp][] = [
    [json({ bos_token: "<s>", eos_token: "<|end|>" }), /bos_token is "<s>", expected a token/],
    [json({}, { bos_token_id: 10 ** 6, eos_token_id: 1 }), /BOS is 1000000, expected an id below/],
    [json({}, { bos_token_id: -1, eos_token_id: 1 }), /bos_token_id is -1, expected a token id/],
    [gguf(10 ** 6), /ggml\.bos_token_id: 1000000, expected an id/],
    [gguf("1"), /ggml\.bos_token_id: 1, expected an id/],
  ];
  const ids = tokenizerFromJson(bytes.tokenizer, bytes.config).encode(text);
  for (const [tokenizer, message] of broken) {
    assert.deepEqual(tokenizer.encode(text), ids);
    assert.equal(tokenizer.eos, 1);
    assert.match(tokenizer.fingerprint, /^[0-9a-f]{64}$/);
    assert.throws(() => tokenizer.bos, { name: "RangeError", message });
  }
  assert.throws(() => tokenizerFromGguf(metadata(bytes, { eos_token_id: -1 })).eos, /ggml\.eos_token_id: -1/);
});

interface Steps {
  texts: string[];
  tokenizers: { name: string; tokenizer: Record<string, unknown>; ids: number[][] }[];
}

const { texts, tokenizers }: Steps = await readJson("tests/fixtures/tokens/steps.json");

for (const { name, tokenizer, ids } of tokenizers) {
  Deno.test(`${name}: ids of Hugging Face`, () => {
    const { encode } = tokenizerFromJson(tokenizer, {});
    texts.forEach((text, i) => assert.deepEqual(encode(text), ids[i], JSON.stringify(text)));
  });
}
