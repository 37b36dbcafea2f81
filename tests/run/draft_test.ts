/**
 * Drafting writes what the model writes alone.
 *
 * Several rows at once give the logits of one after the other up to the order of sums (`stateTolerance`); after a cut, a decoder is as
 * if the tokens had never been read. Draws are held against the distribution by χ².
 */
import assert from "node:assert/strict";
import type { Model } from "../../src/models/mod.ts";
import {
  type Decoder,
  decoder,
  type DecoderOptions,
  decodingBytes,
  draftRound,
  type DropPlan,
  MOST_CUT,
  ngramDraft,
  sampler,
} from "../../src/run/mod.ts";
import { elements } from "../../src/tensor/mod.ts";
import { fixtureNames } from "../fixtures/read.ts";
import {
  engine,
  engineWith,
  everyNth,
  expectNear,
  released,
  thorough,
  watchedEngine,
  withFixture,
} from "../support.ts";
import { isThorough } from "../tools.ts";

const PROMPT = 5;
const GREEDY = { temperature: 0, topP: 1, seed: 0 };

async function withDecoder<T>(
  options: Omit<DecoderOptions, "engine">,
  use: (decoder: Decoder) => Promise<T>,
) {
  const before = engine.live;
  const opened = await decoder({ engine, ...options });
  try {
    return await use(opened);
  } finally {
    await opened.release();
    assert.equal(engine.live, before, "tensors are left");
  }
}

Deno.test("where there is room for one model, model and draft have the same weights", async () => {
  async function compiledBytes(name: string, draft: DropPlan, models: number): Promise<number> {
    let share = 0;
    await withFixture(name, async ({ model }) => {
      const whole = decodingBytes(model, engine.has);
      const counting = watchedEngine({
        onCompile(_, constants) {
          share += Object.values(constants).reduce((sum, { shape }) => sum + 4 * elements(shape), 0) / whole;
        },
      });
      const opened = await decoder({ model, draft, engine: counting, budget: models * whole });
      await opened.release();
    });
    return share;
  }
  const half: DropPlan = { attention: [1], mlp: [] };
  assert.ok(await compiledBytes("llama", half, 2) > 1.8, "both are held where there is room");
  for (const draft of [half, { attention: [0, 1], mlp: [0] }]) {
    assert.ok(Math.abs(await compiledBytes("llama", draft, 1) - 1) < 1e-9);
  }
  // A parallel layer is one unit: its MLP is there twice, if there is room for it.
  const parallel = await compiledBytes("neox-parallel", half, 1.5);
  assert.ok(parallel > 1 && parallel < 1.5, `${parallel}`);
});

/** Tokens that the model writes with a draft of γ tokens, and its rounds. */
async function written(
  model: Model,
  opened: Decoder,
  prompt: Int32Array,
  count: number,
  tokens: number,
  fromText = false,
) {
  const own = sampler(GREEDY);
  const words = model.spec.vocabulary;
  const ids = [own.next(await opened.prefill([prompt]))];
  const rounds = [];
  while (ids.length < count) {
    const proposed = fromText ? ngramDraft([...prompt, ...ids], tokens) : undefined;
    const round = await draftRound(opened, ids.at(-1)!, { sampler: own, tokens, words, proposed });
    rounds.push(round);
    ids.push(...round.ids);
  }
  return { ids: ids.slice(0, count), rounds };
}

/** A plan that leaves out the second layer's first module, where there is one. */
function halved({ spec: { layers } }: Model) {
  const l = layers.findLastIndex(({ attention }) => attention !== null);
  return { attention: [l], mlp: layers.flatMap(({ mlp }, i) => mlp && i === l ? [i] : []) };
}

/** A family of each kind of memory, which every change must pass. */
const EVERY = ["llama", "qwen2-window", "olmoe", "qwen3-next"];

for (const name of fixtureNames) {
  const turn = EVERY.indexOf(name); // each of these takes half of the drafts
  const test = turn >= 0 ? Deno.test : thorough;
  test(`${name}: with a draft, the model writes what it writes alone`, () =>
    withFixture(name, async ({ model, blocks: { ids } }) => {
      const prompt = ids.slice(0, PROMPT);
      const every = { attention: [], mlp: [] };
      const none = {
        attention: model.spec.layers.flatMap(({ attention }, l) => attention ? [l] : []),
        mlp: model.spec.layers.flatMap(({ mlp }, l) => mlp ? [l] : []),
      };
      const count = isThorough ? 24 : 12;
      const alone = await withDecoder({ model }, (opened) => written(model, opened, prompt, count, 0));
      const half = halved(model);
      const whole = decodingBytes(model, engine.has);
      const { attention } = half;
      const drafts = [
        { draft: half, gamma: 3 },
        { draft: every, gamma: 4 },
        { draft: none, gamma: 2 },
        // Room for one model: what both run alike is shared, here down to single modules, here with layers that are read again.
        { draft: { attention, mlp: [] }, gamma: 3, budget: whole },
        { draft: { attention: [], mlp: half.mlp }, gamma: 3, budget: whole / 2 },
        { draft: every, gamma: 4, budget: whole },
      ];
      for (const { draft, gamma, budget } of everyNth(drafts, 2, turn)) {
        await withDecoder({ model, draft, budget }, async (opened) => {
          const { ids, rounds } = await written(model, opened, prompt, count, gamma);
          const nearly = [...alone.rounds, ...rounds].some(({ ties }) => ties > 0);
          if (!nearly) assert.deepEqual(ids, alone.ids);
          if (draft === every && !nearly) {
            assert.ok(
              rounds.every(({ drafted, accepted }) => accepted === drafted),
              "a draft that is the model",
            );
          }
        });
      }
    }));

  test(`${name}: with what the text repeats as a draft, the model writes what it writes alone`, () =>
    withFixture(name, async ({ model, blocks: { ids } }) => {
      const prompt = Int32Array.from({ length: 4 * PROMPT }, (_, i) => ids[i % PROMPT]);
      const alone = await withDecoder({ model }, (opened) => written(model, opened, prompt, 12, 0));
      await withDecoder({ model, cuts: true }, async (opened) => {
        const { ids, rounds } = await written(model, opened, prompt, 12, 4, true);
        if (![...alone.rounds, ...rounds].some(({ ties }) => ties > 0)) assert.deepEqual(ids, alone.ids);
        if (opened.canExtend(5)) assert.ok(rounds.some(({ drafted }) => drafted === 4), "none was drafted");
      });
    }));

  test(`${name}: tokens at once give the logits of steps, and a cut forgets them`, () =>
    withFixture(name, async ({ model, blocks: { ids, length } }) => {
      const draft = halved(model);
      const { vocabulary } = model.spec;
      await withDecoder({ model, draft }, async (opened) => {
        const text = ids.slice(0, length);
        await opened.prefill([text.subarray(0, PROMPT)]);
        if (!opened.canExtend(4)) return; // positions turn with each token
        const steps = [];
        for (const id of text.subarray(PROMPT, PROMPT + 4)) steps.push((await opened.step([id])).slice());
        await opened.prefill([text.subarray(0, PROMPT)]);
        opened.mark();
        await opened.draft(3);
        await opened.draft(1);
        await opened.cut(PROMPT);
        await opened.extend([...text.subarray(PROMPT, PROMPT + 2), 7, 9]);
        await opened.cut(PROMPT + 2);
        assert.equal(opened.length, PROMPT + 2);
        opened.mark();
        const rows = await opened.extend([...text.subarray(PROMPT + 2, PROMPT + 4)]);
        for (const i of [0, 1]) {
          const found = rows.subarray(i * vocabulary, (i + 1) * vocabulary);
          expectNear(model.spec, found, steps[i + 2], `token ${i}`);
        }
      });
    }));
}

for (const attention of ["standard", "decomposed"] as const) {
  Deno.test(`a cut forgets tokens of ${attention} attention, and keys behind a window come back`, () =>
    withFixture("qwen2-window", async ({ model, blocks: { ids } }) => {
      const on = engineWith({ attention });
      const long = Int32Array.from({ length: 330 }, (_, i) => ids[i % ids.length]);
      const opened = await decoder({ model, engine: on, draft: halved(model) });
      const plain = await decoder({ model, engine: on });
      try {
        await opened.prefill([long.subarray(0, 290)]);
        for (let start = 290; start < 330; start += 4) {
          opened.mark();
          await opened.draft(1);
          await opened.draft(2);
          await opened.cut(start);
          await opened.extend([...long.subarray(start, start + 4), 5, 6, 7]);
          await opened.cut(start + 4);
        }
        const found = await opened.step([long[0]]);
        const expected = await plain.prefill([Int32Array.from([...long, long[0]])]);
        expectNear(model.spec, found, expected);
      } finally {
        await opened.release();
        await plain.release();
      }
    }));
}

Deno.test("a text drafts what followed the longest match of its last three tokens, the latest of several", () => {
  const after = (text: string, tokens: number) =>
    String.fromCharCode(...ngramDraft([...text].map((letter) => letter.charCodeAt(0)), tokens));
  assert.equal(after("abcXYZ bcd abc", 3), "XYZ");
  assert.equal(after("xbcP abcQ abc", 1), "Q", "three tokens rather than two");
  assert.equal(after("abcP abcQ abc", 1), "Q", "the latest");
  assert.equal(after("xcP ybc", 1), "P", "one token, where no more match");
  assert.equal(after("ababab", 5), "ababa", "a match goes on in what it drafts");
  assert.equal(after("aa", 3), "aaa");
  for (const text of ["", "a", "abc"]) assert.equal(after(text, 4), "");
});

Deno.test("draws with a draft are distributed as the model's own, whatever the draft proposes", () => {
  const p = [0.45, 0.3, 0.15, 0.07, 0.03];
  const drafts = [p, [0.03, 0.07, 0.15, 0.3, 0.45], [1e-9, 1, 1e-9, 1e-9, 1e-9]];
  const logits = (shares: readonly number[]) => Float32Array.from(shares, (share) => Math.log(share) * 0.7);
  const draws = isThorough ? 20_000 : 5_000;
  const model = logits(p);
  for (const [topP, expected] of [[1, p], [0.7, [0.6, 0.4, 0, 0, 0]]] as const) {
    for (const [i, q] of drafts.entries()) {
      const proposed = logits(q);
      const own = sampler({ temperature: 0.7, topP, seed: 100 + i });
      const seen = p.map(() => 0);
      for (let draw = 0; draw < draws; draw++) seen[own.judge(model, own.draft(proposed))]++;
      const square = expected.reduce(
        (sum, share, id) => share ? sum + (seen[id] - draws * share) ** 2 / (draws * share) : sum,
        0,
      );
      // χ² with four degrees of freedom is above 18.5 once in a thousand times, and five draws are enough of a cell; the seeds are fixed.
      assert.ok(square < 18.5, `draft ${i}, top-p ${topP}: χ² ${square}, ${seen}`);
      expected.forEach((share, id) => share === 0 && assert.equal(seen[id], 0));
    }
  }
});

Deno.test("texts side by side are cut together, and not extended", () =>
  withFixture("llama", async ({ model, blocks: { ids } }) => {
    await using opened = released(await decoder({ model, engine, texts: 2 }));
    const [a, b] = [ids.slice(0, 8), ids.slice(8, 16)];
    await opened.prefill([a.subarray(0, 7), b.subarray(0, 7)]);
    const expected = (await opened.step([a[7], b[7]])).slice();
    await opened.prefill([a.subarray(0, 6), b.subarray(0, 6)]);
    await opened.step([1, 2]);
    await opened.cut(6);
    await opened.step([a[6], b[6]]);
    const found = await opened.step([a[7], b[7]]);
    expectNear(model.spec, found, expected);
    await assert.rejects(opened.extend([1, 2]), /Cannot read 1 texts: expected 2/);
  }));

Deno.test("what cannot be cut, extended or drafted is refused by name", () =>
  withFixture("llama", async ({ model, blocks: { ids } }) => {
    await withDecoder({ model }, async (opened) => {
      await opened.prefill([ids.slice(0, 10)]);
      await assert.rejects(opened.draft(1), /Cannot draft: expected a decoder with a plan that drafts/);
      await assert.rejects(opened.extend([]), /Cannot read 0 tokens at once: expected 1 to 128/);
      await assert.rejects(opened.extend(Array(129).fill(1)), /Cannot read 129 tokens at once/);
      await assert.rejects(opened.cut(11), /Cannot cut 10 tokens to 11/);
      opened.mark();
      await assert.rejects(opened.cut(9), /expected 10 to 10/);
      for (let i = 0; i <= MOST_CUT; i++) await opened.step([1]);
      await assert.rejects(opened.cut(10), /Cannot cut 75 tokens to 10: expected 11 to 75/);
      await opened.cut(12);
      await assert.rejects(opened.cut(10), /Cannot cut 12 tokens to 10: expected 11 to 12/);
      for (const odd of [11.5, NaN, -1]) await assert.rejects(opened.cut(odd), /Cannot cut 12 tokens/);
    });
    await withDecoder({ model, draft: halved(model) }, async (opened) => {
      for (const read of [opened.step([1]), opened.extend([1]), opened.draft(1)]) {
        await assert.rejects(read, /Cannot read on: nothing is read yet/);
      }
      await opened.prefill([ids.slice(0, 10)]);
      await opened.draft(1);
      await opened.draft(2);
      await opened.cut(11);
      for (const read of [opened.step([1]), opened.extend([1, 2])]) {
        await assert.rejects(read, /Cannot read on behind drafted tokens: expected a cut to 10 or fewer/);
      }
      await opened.cut(10);
      await opened.step([1]);
    });
    await assert.rejects(
      decoder({ model, engine, plan: { attention: [1], mlp: [] }, draft: { attention: [], mlp: [] } }),
      /Cannot draft with attention 1: expected one that remembers/,
    );
    assert.equal(engine.live, 0);
  }));
