/** Texts as blocks of tokens, and the runs of 13 tokens that two texts share. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  blockHashes,
  packBlocks,
  runsOf,
  sharedShare,
  type Tokenizer,
  tokenizerFromGguf,
  tokenizerFromJson,
} from "core/text/mod.ts";
import { refusal } from "core/entry/mod.ts";
import { type Refusal, refuses } from "../../support.ts";
import { DEEPSEEK3_WORDS, GPT2_WORDS, O200K_WORDS } from "core/text/tokenizer/word_patterns.ts";

/** A tokenizer whose ids are the letters' places: a = 2, b = 3, …; BOS 0, EOS 1. */
const letters: Tokenizer = {
  encode: (text) => Array.from(text, (letter) => letter.charCodeAt(0) - 95),
  decode: (ids) => String.fromCharCode(...ids.map((id) => id + 95)),
  lastCut: () => 0,
  bos: 0,
  eos: 1,
  specials: new Set(),
  addsBos: false,
  vocabularySize: 28,
  fingerprint: "letters",
};

const documents = fc.array(fc.stringMatching(/^[a-z]{0,12}$/), { maxLength: 40 });
const lengths = fc.integer({ min: 2, max: 9 });

/** What all documents give in one row. */
const row = (texts: string[]) => texts.flatMap((text) => [...letters.encode(text), 1]);

Deno.test("blocks, one after another, are the documents, each with EOS behind it; with BOS, each is BOS and the next T − 1 tokens", async () => {
  await fc.assert(fc.asyncProperty(documents, lengths, fc.boolean(), async (texts, length, bos) => {
    const [whole, own] = [row(texts), bos ? length - 1 : length];
    const samples = Math.floor(whole.length / own);
    fc.pre(samples > 0);
    const { ids } = await packBlocks(texts, letters, { samples, length, bos });
    for (let n = 0; n < samples; n++) {
      const block = [...ids.subarray(n * length, (n + 1) * length)];
      assert.deepEqual(block, [...bos ? [0] : [], ...whole.slice(n * own, (n + 1) * own)]);
    }
    assert.equal(ids.length, samples * length);
  }));
});

Deno.test("one block more than the text has is refused, and the error counts them", async () => {
  await fc.assert(fc.asyncProperty(documents, lengths, fc.boolean(), async (texts, length, bos) => {
    const has = Math.floor(row(texts).length / (bos ? length - 1 : length));
    const packing = { samples: has + 1, length, bos };
    const found = `(is empty|has \\d+ tokens, enough for ${has} of the blocks), expected `;
    await refuses("Cannot pack ", () => packBlocks(texts, letters, packing), [
      [null, RegExp(`pack ${has + 1} blocks? of ${length} tokens: the text ${found}`)],
    ]);
  }));
});

Deno.test("documents that are not needed are not read", async () => {
  let read = 0;
  function* endless() {
    for (;; read++) yield "abc";
  }
  const blocks = await packBlocks(endless(), letters, { samples: 2, length: 6, bos: false });
  assert.deepEqual([...blocks.ids], [2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1]);
  assert.equal(read, 2, "two were finished when the third filled the last block");
});

Deno.test("a block's hash is that of its ids and its place, wherever they lie in their buffer", async () => {
  const pack = (text: string, samples: number, length: number) =>
    packBlocks([text, "more"], letters, { samples, length, bos: false });
  const hashes = blockHashes(await pack("abcabcd", 2, 3));
  assert.ok(hashes.every((hash) => /^[0-9a-f]{64}$/.test(hash)));
  assert.notEqual(hashes[0], hashes[1], "equal ids, another place");
  assert.deepEqual(blockHashes(await pack("abcabcd", 1, 3)), hashes.slice(0, 1));
  assert.notEqual(blockHashes(await pack("abdabcd", 2, 3))[0], hashes[0]);
  assert.equal(blockHashes(await pack("abdabcd", 2, 3))[1], hashes[1]);
  const { ids } = await pack("xyabcabcd", 1, 8);
  assert.deepEqual(blockHashes({ ids: ids.subarray(5), samples: 1, length: 3 }, 1), hashes.slice(1));
});

Deno.test("packing tells after every part how many tokens there are", async () => {
  const told: number[] = [];
  const packing = { samples: 2, length: 4, bos: true };
  await packBlocks(["ab", "cde", "fgh"], letters, packing, (tokens) => told.push(tokens));
  assert.deepEqual(told, [3, 8], "BOS a b, then EOS, BOS c d e");
});

const one = { samples: 1, length: 4, bos: false };
type Packed = readonly [Tokenizer, typeof one];
const REFUSED: Refusal<Packed>[] = [
  [
    [{ ...letters, eos: null }, { ...one, length: 2 }],
    "1 block of 2 tokens: the tokenizer has no EOS token",
    "TypeError",
  ],
  [
    [{ ...letters, bos: null }, { ...one, length: 2, bos: true }],
    "the tokenizer has no BOS token",
    "TypeError",
  ],
  [[{ ...letters, vocabularySize: 3 }, one], "token id 3, expected an id below 3"],
  [[letters, { ...one, samples: 0 }], "at least 1 block of at least 2 tokens"],
  [[letters, { ...one, length: 1 }], "at least 2 tokens"],
  [[letters, { ...one, length: 2.5 }], "at least 2 tokens"],
  [[letters, { ...one, samples: 2 ** 20, length: 2 ** 20 }], "at most 268435456 tokens in total"],
];
Deno.test("what cannot be packed is refused", () =>
  refuses("Cannot ", ([tokenizer, packing]: Packed) => packBlocks(["abcdef"], tokenizer, packing), REFUSED));

/** As many letters as are tokenised at once, and one more. */
const [LONGEST, TOO_LONG] = [2 ** 21, 2 ** 21 + 1].map((length) => "a".repeat(length));
const spaced: Tokenizer = { ...letters, lastCut: (text, from = 0) => Math.max(0, text.indexOf(" ", from)) };

Deno.test("a text without a place to cut is refused with its file, its document and the place in it", async () => {
  const pack = (documents: string[]) =>
    packBlocks(documents, spaced, { samples: 1, length: 2 ** 22, bos: false }, () => {}, "my.txt");
  const message =
    /^RangeError: Cannot tokenise my\.txt, document 2, from character 4: 2097\d{3} characters without a place to cut, expected at most 2097152 /;
  await assert.rejects(pack(["ab", `abc ${TOO_LONG}`]), message);
  await assert.rejects(
    pack([LONGEST]),
    /: my\.txt has 2097153 tokens, enough for 0/,
    "one less is tokenised",
  );
});

Deno.test("the longest text that is tokenised at once is no more than V8's patterns bear", () => {
  const model = { type: "WordLevel", vocab: { "?": 0 }, unk_token: "?" };
  for (const Regex of [GPT2_WORDS, O200K_WORDS, DEEPSEEK3_WORDS]) {
    const pre_tokenizer = { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false };
    const tokenizer = tokenizerFromJson({ model, pre_tokenizer }, {});
    assert.deepEqual(tokenizer.encode("猫".repeat(2 ** 21)), [0]);
    assert.throws(() => tokenizer.encode(TOO_LONG), {
      name: "RangeError",
      message: "Cannot use the tokenizer: 2097153 characters at once, expected at most 2097152",
    });
  }
});

Deno.test("a pattern that does not end is told with the text's file and the place in it", async () => {
  const hostile: Tokenizer = {
    ...spaced,
    encode(text) {
      if (text.length < 2 ** 18) return letters.encode(text);
      throw refusal(RangeError, "use the tokenizer", "not finished after 9 ms");
    },
  };
  const packing = { samples: 1, length: 2 ** 20, bos: false };
  const document = `${"a".repeat(2 ** 18 - 2)} ${"b".repeat(2 ** 18)}`;
  await assert.rejects(packBlocks([document], hostile, packing, () => {}, "my.txt"), {
    name: "RangeError",
    message: "Cannot tokenise my.txt, document 1, from character 262143: not finished after 9 ms",
  });
});

Deno.test("byte-level BPE: decode(encode(x)) = x", async () => {
  const url = new URL("../../fixtures/tokens/bytes.json", import.meta.url);
  const { gguf } = JSON.parse(await Deno.readTextFile(url));
  const tokenizer = tokenizerFromGguf(new Map(Object.entries(gguf)));
  // Any code points but surrogates, as fast-check's own strings of them, for which it lists all of Unicode first.
  const point = fc.nat(0x10f7ff).map((point) => String.fromCodePoint(point < 0xd800 ? point : point + 0x800));
  const text = fc.array(point, { maxLength: 80 }).map((points) => points.join(""));
  fc.assert(fc.property(text, (x) => assert.equal(tokenizer.decode(tokenizer.encode(x)), x)), {
    numRuns: 2000,
  });
});

/** The numbers from `from` up to `to`. */
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** The share, with runs as texts instead of hashes. */
function exactShare(calibration: readonly number[], texts: readonly (readonly number[])[]): number {
  const runs = (ids: readonly number[]) => ids.slice(12).map((_, at) => ids.slice(at, at + 13).join(" "));
  const known = new Set(runs(calibration));
  const all = texts.flatMap(runs);
  return all.length === 0 ? 0 : all.filter((run) => known.has(run)).length / all.length;
}

Deno.test("the share is that of the evaluated text's runs of 13 tokens", () => {
  const calibration = runsOf(range(0, 40));
  assert.equal(calibration.size, 28);
  assert.equal(sharedShare(calibration, [range(0, 40)]), 1);
  assert.equal(sharedShare(calibration, [range(40, 80)]), 0);
  assert.equal(sharedShare(calibration, [range(30, 52)]), 0, "10 shared tokens are no run");
  assert.equal(sharedShare(calibration, [range(27, 49)]), 1 / 10, "13 shared tokens are one of 10 runs");
  assert.equal(sharedShare(calibration, [range(0, 13), range(100, 114)]), 1 / 3);
  assert.equal(sharedShare(calibration, [range(0, 40).reverse()]), 0, "the order counts");
  assert.equal(sharedShare(runsOf(range(0, 13)), [range(0, 26)]), 1 / 14);
});

Deno.test("a text of fewer than 13 tokens has no runs, and shares nothing", () => {
  for (const short of [[], [1], range(0, 12)]) {
    assert.equal(runsOf(short).size, 0);
    assert.equal(sharedShare(runsOf(range(0, 40)), [short]), 0);
    assert.equal(sharedShare(runsOf(short), [range(0, 40)]), 0);
  }
  assert.equal(sharedShare(runsOf(range(0, 40)), []), 0);
  assert.equal(sharedShare(runsOf(Int32Array.of()), [new Int32Array(100)]), 0);
});

Deno.test("a run of one token is like any other", () => {
  const same = (id: number, length: number) => new Int32Array(length).fill(id);
  assert.equal(runsOf(same(0, 100)).size, 1);
  assert.equal(sharedShare(runsOf(same(0, 13)), [same(0, 50)]), 1);
  assert.equal(sharedShare(runsOf(same(0, 100)), [same(1, 100)]), 0);
});

Deno.test("hashes find what a comparison of the tokens finds", () => {
  const ids = fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 200 });
  fc.assert(fc.property(ids, fc.array(ids, { maxLength: 3 }), (calibration, texts) => {
    assert.equal(sharedShare(runsOf(calibration), texts), exactShare(calibration, texts));
  }));
});

Deno.test("a million different runs have a million hashes", () => {
  // Two of 10⁶ have the same hash of 53 bits with probability 10¹² / 2⁵⁴ = 6e-5; these are fixed.
  assert.equal(runsOf(range(0, 1_000_012)).size, 1_000_000);
  const ids = range(0, 13);
  const changed = new Set<number>();
  for (let at = 0; at < 13; at++) {
    for (let bit = 0; bit < 31; bit++) {
      const [hash] = runsOf(ids.map((id, i) => i === at ? id ^ 1 << bit : id));
      changed.add(hash);
      assert.ok(Number.isSafeInteger(hash) && hash >= 0);
    }
  }
  assert.equal(changed.size, 13 * 31, "every bit of every token counts");
});
