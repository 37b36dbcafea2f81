/** Texts of a tiny model: full and dropped, in pieces, ended and aborted. */
import assert from "node:assert/strict";
import { noDrop, textLogits } from "core/run/mod.ts";
import type { Changing } from "features/losses/mod.ts";
import { generate, incremental, type Written } from "features/generate/mod.ts";
import type { PlanLike } from "core/study/plan.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { stateTolerance } from "../../model.ts";
import { engine } from "../../support.ts";
import { withTiny } from "../../core/study/tiny.ts";

const PROMPT = "the quick";
const options = { engine, tokens: 12 };

/** Texts of the model with all 64 ids as words, under one plan, or several. */
const written = (model: StudyModel, more: object = {}, eos: number | null = null, plans: PlanLike[] = [{}]) =>
  generate(endingWith(model, eos), plans, PROMPT, { ...options, ...more });

/** The same model with another token as the end, and all 64 ids as words. */
function endingWith(model: StudyModel, eos: number | null): StudyModel {
  return {
    ...model,
    config: { ...model.config, eos_token_id: null },
    tokenizer: async () => ({
      ...await model.tokenizer(),
      decode: (ids) => ids.map((id) => `<${id}>`).join(""),
      eos,
      vocabularySize: 64,
    }),
  };
}

Deno.test("a text comes in pieces that make the whole, and ends before the token that ends it", () =>
  withTiny(async ({ model }) => {
    const pieces: Written[] = [];
    const [{ ids, text, ended, plan }] = await written(model, {
      onToken: (one: Written) => pieces.push(one),
    });
    assert.deepEqual([ids.length, ended, plan], [options.tokens, "length", noDrop]);
    assert.deepEqual(pieces.map(({ id }) => id), ids);
    assert.equal(text, ids.map((id) => `<${id}>`).join(""));
    assert.equal(pieces.map((piece) => piece.text).join(""), text);
    const at = ids.findIndex((id, i) => i > 1 && ids.indexOf(id) === i);
    const [short] = await written(model, {}, ids[at]);
    assert.deepEqual([short.ids, short.ended], [ids.slice(0, at), "eos"]);
    const free = endingWith(model, null);
    const named = { ...free, config: { ...free.config, eos_token_id: [63, ids[at]] } };
    assert.deepEqual((await generate(named, [{}], PROMPT, options))[0].ids, short.ids);
  }));

Deno.test("plans write side by side, each as it writes alone", () =>
  withTiny(async ({ model }) => {
    const drop = { attention: [1], mlp: [0] };
    const [full, dropped] = await written(model, {}, null, [{}, drop]);
    assert.notDeepEqual(full.ids, dropped.ids);
    assert.deepEqual(await written(model, {}, null, [drop]), [dropped]);
    assert.deepEqual(await written(model), [full]);
  }));

Deno.test("no id that the tokenizer lacks is written, though the embedding has it", () =>
  withTiny(async ({ model }) => {
    const [{ ids }] = await written(model);
    const least = Math.min(...ids);
    const fewer = {
      ...model,
      tokenizer: async () => ({ ...await model.tokenizer(), vocabularySize: least + 1 }),
    };
    const [{ ids: few }] = await generate(fewer, [{}], PROMPT, options);
    assert.ok(ids.some((id) => id > least) && few.length > 0 && few.every((id) => id <= least), `${few}`);
  }));

Deno.test("each token is the most probable one behind the text before it", () =>
  withTiny(async ({ model }) => {
    const [{ ids }] = await written(model);
    const prompt = (await model.tokenizer()).encode(PROMPT);
    const { data } = await textLogits({
      model,
      engine,
      plan: noDrop,
      ids: Int32Array.from([...prompt, ...ids]),
    });
    ids.forEach((id, i) => {
      const row = data.subarray((prompt.length - 1 + i) * 64, (prompt.length + i) * 64);
      // Decoding and a whole pass round differently: each is off by less than `stateTolerance` of the largest logit.
      const most = Math.max(...row);
      assert.ok(row[id] >= most - 2 * stateTolerance(model.spec) * Math.abs(most), `token ${i}`);
    });
  }));

/** Update `value` of a layer as zeros: what dropping its module comes to. */
const silenced = <const Name extends "a" | "m">(layer: number, name: Name) => ({
  values: [name],
  by: (seen: Changing<Name>) =>
    seen.layer === layer
      ? { [name]: new Float32Array((seen as Changing<"a">)[name as "a"].data.length) }
      : null,
});

Deno.test("a change of values is there while a text is written: zeros write what a dropped module writes", () =>
  withTiny(async ({ model }) => {
    const drop = await written(model, {}, null, [{ attention: [1] }, { attention: [1], mlp: [0] }]);
    const before = engine.live;
    const [seen, pieces]: [string[], Written[]] = [[], []];
    const { values, by } = silenced(1, "a");
    const noting = (all: Changing<"a">) => {
      seen.push(`${all.plan}: ${all.ids.length}`);
      return by(all);
    };
    const own = { onToken: (one: Written) => pieces.push(one), change: { values, by: noting } };
    const changed = await written(model, own, null, [{}, { mlp: [0] }]);
    assert.equal(engine.live, before);
    const texts = (all: typeof drop) => all.map(({ ids, text, ended }) => ({ ids, text, ended }));
    assert.deepEqual(texts(changed), texts(drop));
    assert.deepEqual(changed.map(({ plan }) => plan.mlp), [[], [0]]);
    assert.deepEqual(pieces.map(({ id }) => id), changed.flatMap(({ ids }) => ids));
    const { length } = (await model.tokenizer()).encode(PROMPT);
    const lengths = Array.from({ length: options.tokens }, (_, i) => length + i);
    const wanted = ["0", "1"].flatMap((plan) =>
      lengths.flatMap((tokens) => model.spec.layers.map(() => `${plan}: ${tokens}`))
    );
    assert.deepEqual(seen, wanted, "every layer shows the whole text so far, under each plan");
  }));

Deno.test("a change that changes nothing writes the same text, token by token", () =>
  withTiny(async ({ model }) => {
    const change = { values: ["y", "y.top1"], by: () => {} } as const;
    assert.deepEqual(await written(model, { change }), await written(model));
    const wrong = written(model, { change: { values: ["y"], by: () => ({ z: 1 }) } });
    await assert.rejects(wrong, /Cannot change "z" of layer 0, sample 0/);
    await assert.rejects(generate(model, [{ attention: [9] }], PROMPT, options), /Cannot drop attention 9/);
    await assert.rejects(generate(model, [{}], "", options), /empty prompt/);
  }));

Deno.test("a character of several tokens comes whole", () => {
  const encode = (text: string) => [...new TextEncoder().encode(text)];
  const decode = (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids));
  const tokenizer = {
    ...{
      encode,
      decode,
      lastCut: () => 0,
      bos: null,
      eos: null,
      specials: new Set<number>(),
      addsBos: false,
    },
    ...{ vocabularySize: 256, fingerprint: "bytes" },
  };
  const text = "naïve 日本 😀😀 ok";
  const next = incremental(tokenizer, encode("für "));
  const ids = encode(text);
  const pieces = ids.map((id, i) => next(id, i === ids.length - 1));
  assert.equal(pieces.join(""), text);
  assert.deepEqual(pieces.filter((piece) => piece !== ""), [...text]);
  const cut = incremental(tokenizer, []);
  assert.deepEqual(encode("😀").slice(0, 2).map((id, i) => cut(id, i === 1)), ["", "\ufffd"]);
});
