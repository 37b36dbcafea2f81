/** A text in parts, cut where the tokenizer says, has the ids of the whole. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { packBlocks, type Tokenizer, tokenizerFromGguf, tokenizerFromJson } from "core/text/mod.ts";
import { isThorough } from "../../support.ts";

const read = async (name: string) =>
  JSON.parse(await Deno.readTextFile(new URL(`../../fixtures/tokens/${name}.json`, import.meta.url)));
const [bytes, pieces, steps] = await Promise.all(["bytes", "pieces", "steps"].map(read));

const gguf = (base: typeof bytes, name: string, value: unknown) =>
  tokenizerFromGguf(new Map(Object.entries({ ...base.gguf, [`tokenizer.ggml.${name}`]: value })));

/** Tokenizers that must cut, and any others. */
const cutting: Record<string, Tokenizer> = {
  ...Object.fromEntries(Object.keys(bytes.ids).map((pre) => [pre, gguf(bytes, "pre", pre)])),
  "SentencePiece": gguf(pieces, "add_space_prefix", false),
  "SentencePiece, prefix": gguf(pieces, "add_space_prefix", true),
  "tokenizer.json": tokenizerFromJson(bytes.tokenizer, bytes.config),
};
const all = { ...cutting };
for (const { name, tokenizer } of steps.tokenizers) all[name] = tokenizerFromJson(tokenizer, {});
for (const { pre_tokenizer } of bytes.splits) {
  const { type, behavior, pattern } = pre_tokenizer.pretokenizers[0];
  const name = `${type} ${behavior} ${JSON.stringify(pattern)}`;
  all[name] = tokenizerFromJson({ ...bytes.tokenizer, pre_tokenizer }, {});
}

/** What texts are made of: everything that a step of a tokenizer treats in a way of its own. */
const atoms = [
  ..."abÄéßΣя猫½.,_▁<😀İŉ",
  ..."the word 1 23 's n't <x> <|end|> <tool> e\u0301 \u0301 \u00a0 \u0085 \ufeff \u200d".split(" "),
  ...[" ", " ", " ", "  ", "\n", "\n\n", "\r\n", "\t"],
];
const text = fc.array(fc.constantFrom(...atoms), { maxLength: 60 }).map((parts) => parts.join(""));

async function* inPieces(text: string, size: number) {
  const characters = [...text];
  for (let at = 0; at < characters.length; at += size) yield characters.slice(at, at + size).join("");
}

/** The first ids of a text that comes in pieces, as packing finds them, EOS (0) behind the last. */
async function packed(tokenizer: Tokenizer, text: string, size: number, count: number): Promise<number[]> {
  const known: Tokenizer = Object.create(tokenizer, { eos: { value: 0 } });
  const { ids } = await packBlocks([inPieces(text, size)], known, { samples: 1, length: count, bos: false });
  return [...ids];
}

for (const [name, tokenizer] of Object.entries(all)) {
  Deno.test(`${name}: in pieces as in one`, async () => {
    const size = fc.integer({ min: 1, max: 9 });
    await fc.assert(
      fc.asyncProperty(text, size, async (text, size) => {
        let whole: number[];
        try {
          whole = tokenizer.encode(text);
        } catch (error) {
          assert.match((error as Error).message, /neither/);
          return;
        }
        fc.pre(whole.length > 0);
        assert.deepEqual(await packed(tokenizer, text, size, whole.length + 1), [...whole, 0]);
      }),
      { numRuns: isThorough ? 300 : 20 },
    );
  });
}

for (const [name, tokenizer] of Object.entries(cutting)) {
  Deno.test(`${name}: a long text is read no further than is needed`, async () => {
    let read = 0;
    async function* endless() {
      for (;; read++) yield "The quick brown fox jumps over the lazy dog ";
    }
    const packing = { samples: 2, length: 16, bos: false };
    const { ids } = await packBlocks([endless()], tokenizer, packing);
    assert.ok(read < 8, `${read} pieces read`);
    const whole = tokenizer.encode("The quick brown fox jumps over the lazy dog ".repeat(8));
    assert.deepEqual([...ids], whole.slice(0, 32));
  });
}

Deno.test("a long document is tokenised in parts, to the same ids", async () => {
  // A second part that is short; to the other tokenizer, a text is one word.
  for (const tokenizer of [cutting.smollm, cutting["SentencePiece, prefix"]]) {
    const text = (repeats: number) => "The quick brown fox jumps over the lazy dog. ".repeat(repeats);
    const long = text(6000);
    // Each repeat has the same ids, which a text of four shows.
    const [three, four] = [3, 4].map((repeats) => tokenizer.encode(text(repeats)));
    const period = four.length - three.length;
    const repeated = (repeats: number) => [
      ...three.slice(0, period),
      ...Array(repeats - 3).fill(three.slice(period, 2 * period)).flat(),
      ...three.slice(period),
    ];
    assert.deepEqual(repeated(4), four);
    const whole = repeated(6000);
    let asked = 0;
    const encode = (
      text: string,
      continued: boolean,
    ) => (asked += text.length, tokenizer.encode(text, continued));
    const counting: Tokenizer = Object.create(tokenizer, { eos: { value: 0 }, encode: { value: encode } });
    const first = async (
      length: number,
    ) => [...(await packBlocks([long], counting, { samples: 1, bos: false, length })).ids];
    assert.deepEqual(await first(64), whole.slice(0, 64));
    assert.ok(asked < long.length / 2, `${asked} of ${long.length} characters tokenised`);
    assert.deepEqual(await first(whole.length + 1), [...whole, 0]);
  }
});

Deno.test("no cut is sure where an added token, a merge or an unknown pattern may reach across it", () => {
  const cuts = (change: Record<string, unknown>, base = bytes.tokenizer) =>
    tokenizerFromJson({ ...base, ...change }, {}).lastCut("the cat");
  const added = (token: object) => ({ added_tokens: [{ id: 0, special: true, ...token }] });
  for (const sure of [{}, added({ content: "<x>" })]) assert.equal(cuts(sure), 3);
  const unsure = [
    ...[{ content: "e c" }, { content: "e\nc" }, { content: "e", rstrip: true }].map(added),
    added({ content: " c", single_word: true }),
    { normalizer: { type: "Replace", pattern: { Regex: "e c" }, content: "x" } },
    { normalizer: { type: "Strip", strip_left: true, strip_right: true } },
    { pre_tokenizer: { type: "Split", pattern: { Regex: "e c|." }, behavior: "Isolated", invert: false } },
  ];
  for (const change of unsure) assert.equal(cuts(change), 0, JSON.stringify(change));
  const plain = {
    normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    model: { type: "BPE", vocab: { "▁": 0, e: 1, "e▁": 2, t: 3, "▁t": 4 }, merges: ["▁ t"] },
  };
  assert.equal(cuts({}, plain), 3);
  const across = { ...plain.model, merges: [["▁", "t"], ["e", "▁"]] };
  assert.equal(cuts({ model: across }, plain), 0);
});
