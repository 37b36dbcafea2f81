/** Texts of a tiny model: greedy and drawn, full and dropped, in pieces, ended and aborted. */
import assert from "node:assert/strict";
import { noDrop } from "../../src/run/mod.ts";
import { incremental } from "../../src/study/writing/decoded.ts";
import { type Changing, generate, type PlanLike, type Written } from "../../src/study/mod.ts";
import type { StudyModel } from "../../src/subject/mod.ts";
import { engine } from "../support.ts";
import { withTiny } from "./tiny.ts";

const PROMPT = "the quick";
const options = { engine, tokens: 12 };

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

Deno.test("a greedy text comes in pieces that make the whole", () =>
  withTiny(async ({ model }) => {
    const pieces: Written[] = [];
    const [{ ids, text, ended, plan }] = await generate(endingWith(model, null), [{}], PROMPT, {
      ...options,
      onToken: (written) => pieces.push(written),
    });
    assert.equal(ids.length, options.tokens);
    assert.equal(ended, "length");
    assert.deepEqual(plan, noDrop);
    assert.deepEqual(pieces.map(({ id }) => id), ids);
    assert.equal(text, ids.map((id) => `<${id}>`).join(""));
    assert.equal(pieces.map((piece) => piece.text).join(""), text);
  }));

Deno.test("a text ends before the token that ends it", () =>
  withTiny(async ({ model }) => {
    const [{ ids }] = await generate(endingWith(model, null), [{}], PROMPT, options);
    const at = ids.findIndex((id, i) => i > 1 && ids.indexOf(id) === i);
    const [ended] = await generate(endingWith(model, ids[at]), [{}], PROMPT, options);
    assert.deepEqual(ended.ids, ids.slice(0, at));
    assert.equal(ended.ended, "eos");
    const named = endingWith(model, null);
    const config = { ...named.config, eos_token_id: [63, ids[at]] };
    assert.deepEqual((await generate({ ...named, config }, [{}], PROMPT, options))[0].ids, ended.ids);
  }));

Deno.test("plans write side by side, each as it writes alone", () =>
  withTiny(async ({ model }) => {
    const drop = { attention: [1], mlp: [0] };
    const free = endingWith(model, null);
    const [full, dropped] = await generate(free, [{}, drop], PROMPT, options);
    assert.notDeepEqual(full.ids, dropped.ids);
    assert.deepEqual(await generate(free, [drop], PROMPT, options), [dropped]);
    assert.deepEqual(await generate(free, [{}], PROMPT, options), [full]);
  }));

Deno.test("no id that the tokenizer lacks is written", () =>
  withTiny(async ({ model }) => {
    const { vocabularySize } = await model.tokenizer();
    const [{ ids }] = await generate(model, [{}], PROMPT, { ...options, tokens: 40, temperature: 50 });
    assert.ok(ids.length > 0 && ids.every((id) => id < vocabularySize), `${ids}`);
  }));

Deno.test("an abort ends the text within a token", () =>
  withTiny(async ({ model }) => {
    const controller = new AbortController();
    let written = 0;
    const text = generate(endingWith(model, null), [{}], PROMPT, {
      ...options,
      signal: controller.signal,
      onToken() {
        if (++written === 3) controller.abort(new Error("enough"));
      },
    });
    await assert.rejects(text, /enough/);
    assert.equal(written, 3);
  }));

Deno.test("drawn tokens are a text of its own for each seed, and end where the text ends", () =>
  withTiny(async ({ model }) => {
    const free = endingWith(model, null);
    const drawn = { ...options, temperature: 2, topP: 0.95, seed: 3 };
    const [one] = await generate(free, [{}], PROMPT, drawn);
    assert.deepEqual(await generate(free, [{}], PROMPT, drawn), [one]);
    assert.notDeepEqual((await generate(free, [{}], PROMPT, { ...drawn, seed: 4 }))[0].ids, one.ids);
    const at = one.ids.findIndex((id, i) => i > 2 && one.ids.indexOf(id) === i);
    const [ended] = await generate(endingWith(model, one.ids[at]), [{}], PROMPT, drawn);
    assert.deepEqual([ended.ids, ended.ended], [one.ids.slice(0, at), "eos"]);
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
    const free = endingWith(model, null);
    const plans = [{}, { mlp: [0] }];
    const drop = await generate(free, [{ attention: [1] }, { attention: [1], mlp: [0] }], PROMPT, options);
    const before = engine.live;
    const seen: string[] = [];
    const pieces: Written[] = [];
    const { values, by } = silenced(1, "a");
    const changed = await generate(free, plans, PROMPT, {
      ...options,
      onToken: (written) => pieces.push(written),
      change: {
        values,
        by(all) {
          seen.push(`${all.plan}: ${all.ids.length}`);
          return by(all);
        },
      },
    });
    assert.equal(engine.live, before);
    assert.deepEqual(
      changed.map(({ ids, text, ended }) => ({ ids, text, ended })),
      drop.map(({ ids, text, ended }) => ({ ids, text, ended })),
    );
    assert.deepEqual(changed.map(({ plan }) => plan.mlp), [[], [0]]);
    assert.deepEqual(pieces.map(({ id }) => id), changed.flatMap(({ ids }) => ids));
    const { length } = (await model.tokenizer()).encode(PROMPT);
    const texts = Array.from({ length: options.tokens }, (_, i) => length + i);
    const wanted = [0, 1].flatMap((plan) =>
      texts.flatMap((tokens) => model.spec.layers.map(() => `${plan}: ${tokens}`))
    );
    assert.deepEqual(seen, wanted, "every layer shows the whole text so far, under each plan");
  }));

Deno.test("a change that changes nothing writes the same text, greedily or drawn", () =>
  withTiny(async ({ model }) => {
    const free = endingWith(model, null);
    const change = { values: ["y", "y.top1"], by: () => {} } as const;
    for (const how of [{}, { temperature: 1, seed: 3, topP: 0.9 }]) {
      const [alone] = await generate(free, [{}], PROMPT, { ...options, ...how });
      assert.deepEqual(await generate(free, [{}], PROMPT, { ...options, ...how, change }), [alone]);
    }
    const wrong = generate(free, [{}], PROMPT, {
      ...options,
      change: { values: ["y"], by: () => ({ z: 1 }) },
    });
    await assert.rejects(wrong, /Cannot change "z" of layer 0, sample 0/);
  }));

Deno.test("options that make no sense are named", () =>
  withTiny(async ({ model }) => {
    const wrong = (wrong: object, prompt = PROMPT, plans: PlanLike[] = [{}]) =>
      generate(model, plans, prompt, { ...options, ...wrong });
    await assert.rejects(wrong({}, PROMPT, [{ attention: [9] }]), /Cannot drop attention 9/);
    await assert.rejects(wrong({}, ""), /empty prompt/);
  }));

Deno.test("a character of several tokens comes whole", () => {
  const { encode, decode } = {
    encode: (text: string) => [...new TextEncoder().encode(text)],
    decode: (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids)),
  };
  const tokenizer = {
    encode,
    decode,
    lastCut: () => 0,
    bos: null,
    eos: null,
    specials: new Set<number>(),
    addsBos: false,
    vocabularySize: 256,
    fingerprint: "bytes",
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
