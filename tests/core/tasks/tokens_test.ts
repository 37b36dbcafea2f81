/** Tokens of requests, against those of lm-eval's Hugging Face backend. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { openModel } from "core/subject/mod.ts";
import { type BosRule, feed, type PairTokens, pairTokens, type Request } from "core/tasks/mod.ts";
import { type Tokenizer, tokenizerFromGguf, tokenizerFromJson } from "core/text/mod.ts";
import { byTurns, isThorough } from "../../support.ts";
import { documentsOf, fixture, packageFolder, sha256 } from "./fixture.ts";
import { readJson } from "../../fixtures/read.ts";

const { gguf: pieces } = await readJson("tests/fixtures/tokens/pieces.json");

/** Byte-level without BOS (two of them), SentencePiece with BOS by its own rule and without. */
const tokenizers: Record<string, { open: () => Promise<Tokenizer>; bos: BosRule }> = {
  "olmo": { open: openOlmo, bos: "tokenizer" },
  "smollm2": { open: openSmollm2, bos: "tokenizer" },
  "pieces": { open: openPieces, bos: "tokenizer" },
  "pieces, no BOS": { open: openPieces, bos: "never" },
};

async function openOlmo(): Promise<Tokenizer> {
  const file = join(await packageFolder(), "tokenizers/allenai_gpt-neox-olmo-dolma-v1_5.json");
  return tokenizerFromJson(JSON.parse(await Deno.readTextFile(file)), { eos_token: "<|endoftext|>" });
}

async function openSmollm2(): Promise<Tokenizer> {
  using model = await openModel("smollm2-135m");
  return await model.tokenizer();
}

function openPieces(): Promise<Tokenizer> {
  return Promise.resolve(tokenizerFromGguf(new Map(Object.entries(pieces))));
}

const lists = ({ context, continuation }: PairTokens) => [context, continuation];

/** How many of a run's 200 requests are tokenized: in `test`, the first of them. */
const COUNT = isThorough ? 200 : 40;

/** Requests of a run that are tokenized: read once for all tokenizers. */
const read = new Map<string, Promise<readonly Request[]>>();
function requestsOf(run: typeof fixture.tokens[number]): Promise<readonly Request[]> {
  const key = `${run.task} ${run.shots}`;
  const limit = Math.min(run.limit ?? Infinity, COUNT * run.step); // a document has a request at least
  const found = read.get(key) ??
    documentsOf({ ...run, limit }).then((documents) =>
      documents.flatMap(({ requests }) => requests).filter((_, i) => i % run.step === 0).slice(0, COUNT)
    );
  read.set(key, found);
  return found;
}

for (const [name, { open, bos }] of Object.entries(tokenizers)) {
  let opened: Promise<Tokenizer> | undefined;
  const tokenizerOf = () => opened ??= open();

  Deno.test(`${name}: tokens of pairs are lm-eval's`, async () => {
    const tokenizer = await tokenizerOf();
    const found = fixture.pairs.map(([context, continuation]) =>
      lists(pairTokens(tokenizer, context, continuation, { bos }))
    );
    assert.deepEqual(found, fixture.pairTokens[name]);
  });

  Deno.test(`${name}: tokens of ${COUNT} requests of each task are lm-eval's`, async () => {
    const tokenizer = await tokenizerOf();
    const runs = fixture.tokens.filter(({ tokenizer }) => tokenizer === name);
    assert.ok(runs.length > 1);
    // Every task with every tokenizer in `test:all`; in `test` with one.
    const names = Object.keys(tokenizers);
    for (const run of runs.filter((_, i) => byTurns(names, i).includes(name))) {
      const found = (await requestsOf(run)).map(({ context, continuation }) =>
        lists(pairTokens(tokenizer, context, continuation, { bos }))
      );
      assert.equal(sha256(JSON.stringify(found)), isThorough ? run.all : run.some, run.task);
    }
  });
}

Deno.test("a text that is too long loses tokens from the left, and their number is returned", () => {
  const pair = { context: [1, 2, 3, 4], continuation: [5, 6] };
  assert.deepEqual(feed(pair, 100), { input: [1, 2, 3, 4, 5], targets: [5, 6], cut: 0 });
  assert.deepEqual(feed(pair, 5), { input: [1, 2, 3, 4, 5], targets: [5, 6], cut: 0 });
  assert.deepEqual(feed(pair, 3), { input: [3, 4, 5], targets: [5, 6], cut: 2 });
  assert.deepEqual(feed(pair, 2), { input: [4, 5], targets: [5, 6], cut: 3 });
  assert.throws(() => feed(pair, 1), {
    name: "RangeError",
    message: "Cannot score a continuation of 2 tokens: expected at most 1",
  });
});

Deno.test("BOS goes in front once: always, and not where the text begins with it", async () => {
  const tokenizer = await openPieces();
  const bos = tokenizer.bos!;
  const text = tokenizer.decode([bos]);
  const first = (context: string, rule: BosRule) =>
    pairTokens(tokenizer, context, " the", { bos: rule }).context.filter((id) => id === bos).length;
  assert.equal(first("the", "always"), 1);
  assert.equal(first(`${text}the`, "always"), 1);
  assert.equal(first("the", "never"), 0);
});

Deno.test("a part without tokens is an error", async () => {
  const tokenizer = await openPieces();
  assert.throws(() => pairTokens(tokenizer, "the", "", { bos: "never" }), {
    name: "RangeError",
    message: 'Cannot score "": its continuation has no token, expected at least one',
  });
  assert.throws(() => pairTokens(tokenizer, "  ", "the", { bos: "never" }), /its context has no token/);
});
