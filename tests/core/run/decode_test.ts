/**
 * One token after the other against one pass over the text.
 *
 * A logit moves by the relative error of the normed state at most (`stateTolerance`), times the largest logit; two of them
 * change places only where they are nearer than twice that. With dynamic rope, positions of a longer text are turned
 * otherwise: there a step equals the pass over the text so far, and of a longer pass only the last position.
 */
import assert from "node:assert/strict";
import type { Engine } from "core/engine/mod.ts";
import type { Model } from "core/models/mod.ts";
import { FLOAT32, keyBytes } from "core/run/mod.ts";
import { type Decoder, decoder, type DecoderOptions } from "core/run/decode/mod.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { firstSteady } from "../models/parity.ts";
import { stepLogits } from "./states.ts";
import { distance, engineWith, expectNear, largest, stateTolerance, withFixture } from "../../model.ts";
import { byTurns, engine, isThorough, refuses, released, widened } from "../../support.ts";

const NOTHING_KEPT = 0;
const PROMPT = 5;
/** Tokens of a greedy continuation. */
const GREEDY = isThorough ? 64 : 16;

async function withDecoder(
  options: Omit<DecoderOptions, "engine"> & { readonly engine?: Engine },
  use: (decoder: Decoder) => Promise<void>,
) {
  await using opened = released(await decoder({ engine, ...options }));
  await use(opened);
}

/** Logits of every position from the prompt's last on. */
async function logitsOf(decoder: Decoder, ids: Int32Array, prompt: number): Promise<Float32Array[]> {
  const logits = [await decoder.prefill([ids.subarray(0, prompt)])];
  for (const id of ids.subarray(prompt)) logits.push(await decoder.step([id]));
  return logits;
}

const argmax = (logits: Float32Array) => logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));

const CASES = ["full", "drop0", "drop1"] as const;
/** Weights that are kept, and that are fed anew for each token. */
const BUDGETS = [undefined, NOTHING_KEPT];
/** Each fixture has one of these in `test`, the next fixture another (`byTurns`). */
const PASSES = BUDGETS.flatMap((budget) => CASES.map((label) => ({ budget, label })));

for (const [i, name] of fixtureNames.entries()) {
  Deno.test(`${name}: a prompt and steps give Hugging Face's logits of one pass`, () =>
    withFixture(name, async ({ model, blocks: { ids, length }, expected: { tensors, meta } }) => {
      for (const { budget, label } of byTurns(PASSES, i)) {
        const { data } = tensors.get(label === "full" ? "logits" : `logits.${label}`)!;
        const { vocabulary } = model.spec;
        await withDecoder({ model, plan: meta.cases[label], budget }, async (decoder) => {
          const steps = await logitsOf(decoder, ids.subarray(0, length), PROMPT);
          for (let t = Math.max(PROMPT - 1, firstSteady(model.spec, length)); t < length; t++) {
            const expected = data.subarray(t * vocabulary, (t + 1) * vocabulary);
            const error = distance(steps[t - PROMPT + 1], expected) / largest(expected);
            const most = stateTolerance(model.spec);
            assert.ok(error <= most, `${label}, position ${t}: relative error ${error}, at most ${most}`);
          }
        });
      }
    }));

  Deno.test(`${name}: ${GREEDY} greedy tokens, teacher-forced, are Hugging Face's`, () =>
    withFixture(name, async ({ model, expected: { tensors, meta } }) => {
      for (const label of byTurns(CASES, i + 1)) {
        const [ids, best, gap] = ["ids", "argmax", "gap"].map((key) =>
          tensors.get(`greedy.${label}.${key}`)!.data
        );
        const prompt = ids.length - best.length;
        await withDecoder({ model, plan: meta.cases[label] }, async (decoder) => {
          const steps = await logitsOf(decoder, (ids as Int32Array).subarray(0, prompt + GREEDY - 1), prompt);
          assert.equal(steps.length, GREEDY);
          let tied = 0;
          steps.forEach((logits, i) => {
            const expected = firstSteady(model.spec, ids.length) > 0 ? ids[prompt + i] : best[i];
            const near = 2 * stateTolerance(model.spec) * largest(logits);
            if (gap[i] < near) tied++;
            else assert.equal(argmax(logits), expected, `${label}, token ${i}: gap ${gap[i]}, ${near}`);
          });
          assert.ok(tied <= steps.length / 8, `${label}: ${tied} of ${steps.length} tokens are nearly tied`);
        });
      }
    }));
}

for (const [a, attention] of (["standard", "decomposed"] as const).entries()) {
  for (const [n, name] of ["gemma2", "qwen2-window", "llama"].entries()) {
    Deno.test(`${name}: steps by ${attention} attention give the logits of the grouped one`, () =>
      withFixture(name, async ({ model, blocks: { ids } }) => {
        const text = ids.subarray(0, 20);
        const logits = async (on: Engine, budget?: number) => {
          const before = on.live;
          const all = await stepLogits({ model, engine: on, budget }, text, PROMPT);
          assert.equal(on.live, before, "tensors are left");
          return all;
        };
        const grouped = await logits(engine);
        for (const budget of byTurns(BUDGETS, a + n)) {
          const other = await logits(engineWith({ attention }), budget);
          other.forEach((row, t) => expectNear(model.spec, row, grouped[t], `position ${t}`));
        }
      }));
  }
}

Deno.test("a long prompt is read in parts, and keys outgrow their memory: the logits are the same", () =>
  withFixture("llama", async ({ model, blocks: { ids } }) => {
    const long = Int32Array.from({ length: 300 }, (_, i) => ids[i % ids.length]);
    await withDecoder({ model }, async (decoder) => {
      const [atOnce] = await logitsOf(decoder, long, long.length);
      const step = (await logitsOf(decoder, long, PROMPT)).at(-1)!;
      expectNear(model.spec, step, atOnce);
    });
  }));

Deno.test("a text longer than the learned positions is refused", () =>
  withFixture("gpt2-scaled", ({ model, blocks: { ids } }) =>
    withDecoder({ model }, async (decoder) => {
      const text = Int32Array.from({ length: 97 }, (_, i) => ids[i % ids.length]);
      await decoder.prefill([text.subarray(0, 96)]);
      await assert.rejects(decoder.step([3]), /^RangeError: Cannot embed position 96: expected at most 95/);
      await assert.rejects(() => decoder.prefill([text]), RangeError);
    })));

Deno.test("a decoder begins anew with every prompt", () =>
  withFixture("gemma2", ({ model, blocks: { ids } }) =>
    withDecoder({ model }, async (decoder) => {
      const first = await logitsOf(decoder, ids.subarray(0, 9), 4);
      await logitsOf(decoder, ids.subarray(9, 24), 1);
      assert.deepEqual(await logitsOf(decoder, ids.subarray(0, 9), 4), first);
    })));

// A layer beyond the budget is fed as stored and widened in the graph: not a bit of a logit may change.
for (const [name, dtype] of [["qwen3", "bf16"], ["llama-bias", "f16"], ["llama", "f32"]]) {
  Deno.test(`${name}: ${dtype} fed raw has no error against float32`, () =>
    withFixture(name, async ({ model, blocks: { ids } }) => {
      const { tensors, release } = await model.weights.layer(0);
      assert.ok([...tensors.values()].every((tensor) => tensor.dtype === dtype), "the fixture's type");
      release();
      const logits = (model: Model) =>
        stepLogits({ model, budget: NOTHING_KEPT }, ids.subarray(0, 12), PROMPT);
      assert.deepEqual(await logits(model), await logits(widened(model)));
    }));
}

for (const [a, attention] of (["grouped", "standard", "decomposed"] as const).entries()) {
  for (const [n, name] of ["llama", "gemma2"].entries()) {
    Deno.test(`${name}: texts side by side give the logits of each alone, by ${attention} attention`, () =>
      withFixture(name, async ({ model, blocks: { ids } }) => {
        const on = engineWith({ attention });
        const before = on.live;
        const texts = [ids.subarray(0, 12), ids.subarray(3, 15), ids.subarray(7, 19)];
        const plan = { attention: [1], mlp: [0] };
        const alone: Float32Array[][] = [];
        for (const text of texts) alone.push(await stepLogits({ model, engine: on, plan }, text, PROMPT));
        for (const budget of byTurns(BUDGETS, a + n)) {
          await withDecoder({ model, engine: on, plan, budget, texts: 3 }, async (decoder) => {
            const beside = [await decoder.prefill(texts.map((text) => text.subarray(0, PROMPT)))];
            for (let t = PROMPT; t < 12; t++) beside.push(await decoder.step(texts.map((text) => text[t])));
            const { vocabulary } = model.spec;
            for (const [t, rows] of beside.entries()) {
              for (const [i, logits] of alone.entries()) {
                const row = rows.subarray(i * vocabulary, (i + 1) * vocabulary);
                expectNear(model.spec, row, logits[t], `text ${i}, step ${t}`);
              }
            }
            assert.ok(decoder.keyBytes >= 3 * keyBytes(model.spec, plan, 12, FLOAT32)); // and some behind windows
          });
        }
        assert.equal(on.live, before, "tensors are left");
      }));
  }
}

Deno.test("long texts side by side are read whole: behind a past the operator reads one alone", () =>
  withFixture("llama", async ({ model, blocks: { ids } }) => {
    const long = Int32Array.from({ length: 150 }, (_, i) => ids[i % ids.length]);
    await using last = released(await decoder({ model, engine, texts: 2 }));
    await using alone = released(await decoder({ model, engine }));
    const [both, one] = [await last.prefill([long, long]), await alone.prefill([long])];
    for (const text of [0, 1]) {
      const found = both.subarray(text * one.length, (text + 1) * one.length);
      expectNear(model.spec, found, one);
    }
  }));

Deno.test("texts of another number, or of unequal length, are an error", () =>
  withFixture("llama", async ({ model, blocks: { ids } }) => {
    await withDecoder({ model, texts: 2 }, async (decoder) => {
      const prompt = ids.subarray(0, 4);
      await refuses("Cannot read ", (read: () => Promise<unknown>) => read(), [
        [() => decoder.prefill([prompt]), "1 texts: expected 2 side by side"],
        [() => decoder.prefill([prompt, ids.subarray(0, 3)]), "texts of 4 and 3 tokens side by side"],
        [
          () => decoder.prefill([prompt, prompt]).then(() => decoder.step([1])),
          "1 texts: expected 2 side by side",
        ],
      ]);
    });
  }));
