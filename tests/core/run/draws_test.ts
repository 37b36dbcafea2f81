/**
 * Drawn texts have the model's distribution. The model here is a table, so that each of the 256 texts has a probability in closed form, and
 * faults can be put in. `tests/bench/draws_bench.ts` does the same through `generate` with a model's own weights.
 */
import assert from "node:assert/strict";
import { noDrop, textLogits } from "core/run/mod.ts";
import { type Decoder, decoder, type Sampler, sampler } from "core/run/decode/mod.ts";
import { decoded } from "features/generate/decoded.ts";
import type { Tokenizer } from "core/text/mod.ts";
import { expectNear, withFixture } from "../../model.ts";
import { engine, isThorough, released } from "../../support.ts";

const WORDS = 4;
const TOKENS = 4;
/** Enough to see a fault. */
const FEWER = 4_000;
const DRAWS = isThorough ? 10_000 : FEWER;
const TEMPERATURE = 0.8;

/** The model's logits behind a text: they depend on the last two tokens. */
function logitsOf(text: readonly number[]): Float32Array {
  const [before, last] = [text.at(-2) ?? 0, text.at(-1) ?? 0];
  const logit = (word: number) => Math.sin(1 + 2.1 * word + 3.7 * last + 1.3 * before);
  return Float32Array.from({ length: WORDS }, (_, word) => logit(word));
}

/** Reads texts of this table. With `stale`, a step answers for the text before its token. */
function table(stale: boolean): Pick<Decoder, "prefill" | "step"> {
  let read: number[] = [];
  return {
    prefill(prompt) {
      read = [...prompt[0]];
      return Promise.resolve(logitsOf(read));
    },
    step([id]) {
      read.push(id);
      return Promise.resolve(logitsOf(stale ? read.slice(0, -1) : read));
    },
  };
}

/** p of each word, of the most probable ones that have `topP` together. */
function shares(logits: Float32Array, topP: number): number[] {
  const weights = [...logits].map((logit) => Math.exp(logit / TEMPERATURE));
  const total = weights.reduce((a, b) => a + b);
  let sum = 0;
  const ranked = weights.map((weight, word) => ({ p: weight / total, word })).sort((a, b) => b.p - a.p);
  const kept = ranked.filter(({ p }) => (sum += p) - p < topP);
  const whole = kept.reduce((total, { p }) => total + p, 0);
  return weights.map((_, word) => (kept.find((own) => own.word === word)?.p ?? 0) / whole);
}

/** The probability of each text [WORDS^TOKENS], the first token the highest digit. */
function exact(topP: number): Float64Array {
  const all = new Float64Array(WORDS ** TOKENS);
  for (let at = 0; at < all.length; at++) {
    const text = Array.from({ length: TOKENS }, (_, i) => Math.floor(at / WORDS ** (TOKENS - 1 - i)) % WORDS);
    all[at] = text.reduce((p, word, i) => p * shares(logitsOf([0, ...text.slice(0, i)]), topP)[word], 1);
  }
  return all;
}

/** How a way to draw may go wrong. */
interface Way {
  readonly topP?: number;
  readonly stale?: boolean;
  readonly fault?: (own: Sampler, twin: Sampler) => Sampler;
}

/** χ² of texts over all possible ones, one seed a text, and its quantile at 0.999. */
async function chiSquare({ topP = 1, stale = false, fault = (own) => own }: Way, draws = DRAWS) {
  const opened = table(stale);
  const seen = new Float64Array(WORDS ** TOKENS);
  for (let seed = 0; seed < draws; seed++) {
    const open = () => sampler({ temperature: TEMPERATURE, topP, seed });
    const { ids } = await decoded(opened, [0], {
      tokenizer: { vocabularySize: WORDS } as Tokenizer,
      sampler: fault(open(), open()),
      ends: new Set(),
      isOver: (ids) => ids.length === TOKENS,
    });
    seen[ids.reduce((at, id) => at * WORDS + id)]++;
  }
  const rare = { seen: 0, expected: 0 }; // texts of less than five expected draws are one cell
  let [square, cells] = [0, 1];
  exact(topP).forEach((p, at) => {
    const expected = p * draws;
    if (p === 0) return assert.equal(seen[at], 0, `text ${at} is not possible`);
    if (expected < 5) {
      rare.seen += seen[at];
      rare.expected += expected;
      return;
    }
    square += (seen[at] - expected) ** 2 / expected;
    cells++;
  });
  if (rare.expected > 0) square += (rare.seen - rare.expected) ** 2 / rare.expected;
  else cells--;
  // Wilson and Hilferty (1931): the cube root of χ²/n is nearly normal; off by less than 0.3 % from 20 degrees of freedom on.
  const n = cells - 1;
  return { square, most: n * (1 - 2 / (9 * n) + 3.0902 * Math.sqrt(2 / (9 * n))) ** 3 };
}

for (const topP of [1, 0.8]) {
  Deno.test(`texts of four tokens, top-p ${topP}, have the model's distribution`, async () => {
    const { square, most } = await chiSquare({ topP });
    assert.ok(square < most, `χ² ${square}, expected below ${most}`); // once in a thousand times; the seeds are fixed
  });
}

/** Each of these has to be seen, or the tests above prove nothing. */
const FAULTS: Record<string, Way> = {
  "a random number serves twice": {
    fault: (own, twin) => {
      let count = 0;
      return { next: (logits) => (count++ % 2 === 0 ? own : twin).next(logits) };
    },
  },
  "the temperature is a half too high": {
    fault: (own) => ({ next: (logits) => own.next(logits.map((logit) => logit / 1.5)) }),
  },
  "the least probable word is left out though top-p is 1": {
    fault: (own) => ({
      next: (logits) => own.next(logits.map((logit) => logit === Math.min(...logits) ? -Infinity : logit)),
    }),
  },
  "each token is drawn from the logits of the text before the last one": { stale: true },
};

for (const [name, way] of Object.entries(FAULTS)) {
  Deno.test(`the distribution of texts shows a fault: ${name}`, async () => {
    const { square, most } = await chiSquare(way, FEWER);
    assert.ok(square > 2 * most, `χ² ${square}, expected more than twice ${most}`);
  });
}

Deno.test("each choice of a drawn text is made by the model's own logits of the text before it", () =>
  withFixture("llama", async ({ model, blocks: { ids: source } }) => {
    const prompt = [...source.subarray(0, 6)];
    await using opened = released(await decoder({ model, engine }));
    for (let seed = 0; seed < 3; seed++) {
      const own = sampler({ temperature: 1, topP: 0.9, seed });
      const rows: Float32Array[] = [];
      const { ids } = await decoded(opened, prompt, {
        tokenizer: { vocabularySize: model.spec.vocabulary } as Tokenizer,
        sampler: { next: (logits) => (rows.push(logits.slice()), own.next(logits)) },
        ends: new Set(),
        isOver: (ids) => ids.length === 20,
      });
      const whole = Int32Array.from([...prompt, ...ids]);
      const { data } = await textLogits({ model, engine, plan: noDrop, ids: whole });
      ids.forEach((_, i) => {
        const at = (prompt.length - 1 + i) * model.spec.vocabulary;
        const expected = data.subarray(at, at + model.spec.vocabulary);
        expectNear(model.spec, rows[i], expected, `seed ${seed}, token ${i}`);
      });
    }
  }));
