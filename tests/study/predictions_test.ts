/** Logits and losses token by token, against Hugging Face's logits; and a model that its block closes. */
import assert from "node:assert/strict";
import { logits, losses, perplexities } from "../../src/study/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { fixture, fixtureNames } from "../fixtures/read.ts";
import { distance, engine, isThorough, largest } from "../support.ts";
import { withTiny } from "./tiny.ts";

/** Logits are sums of float32 products in another order than Hugging Face's; relative to the largest of them. */
const TOLERANCE = 2e-5;
/** One model for each kind of final norm, head and cap. */
const few = ["llama", "gemma2", "cohere2", "granite", "gpt2-scaled", "neox-parallel", "mixtral"];

for (const name of isThorough ? fixtureNames : few) {
  Deno.test(`${name}: logits and losses are those of Hugging Face, under plans too`, async () => {
    const { folder, meta, tensors } = await fixture(name);
    using model = await openModel(folder);
    const { shape: [, length], data } = tensors.get("ids")!;
    const ids = (data as Int32Array).slice(0, length);
    for (const [id, plan] of Object.entries(meta.cases)) {
      const theirs = tensors.get(id === "full" ? "logits" : `logits.${id}`)!;
      const vocabulary = theirs.shape[2];
      const wanted = (theirs.data as Float32Array).slice(0, length * vocabulary);
      const drop = { attention: plan.attention, mlp: plan.mlp };
      const own = await logits(model, ids, { engine, drop });
      assert.deepEqual(own.shape, [length, vocabulary]);
      const bound = TOLERANCE * Math.max(1, largest(wanted));
      assert.ok(distance(own.data, wanted) <= bound, `${id}: ${distance(own.data, wanted)} > ${bound}`);

      const nll = await losses(model, ids, { engine, drop });
      const expected = Array.from({ length: length - 1 }, (_, t) => {
        const row = wanted.subarray(t * vocabulary, (t + 1) * vocabulary);
        const most = Math.max(...row);
        return most + Math.log(row.reduce((sum, z) => sum + Math.exp(z - most), 0)) - row[ids[t + 1]];
      });
      assert.ok(distance(nll, expected) <= 2 * bound, `${id}: ${distance(nll, expected)} > ${2 * bound}`);
    }
  });
}

Deno.test("the mean of the losses is the loss that perplexities reports", () =>
  withTiny(async ({ model, options }) => {
    const one = { ...options, samples: 1 };
    const [{ sums: [{ nll, tokens }] }] = await perplexities(model, [{}], one);
    const ids = (await model.tokenizer()).encode(await Deno.readTextFile(options.text!));
    const own = await losses(model, ids.slice(0, one.length), { engine });
    assert.equal(own.length, tokens);
    const mean = own.reduce((sum, loss) => sum + loss, 0) / tokens;
    assert.ok(Math.abs(mean - nll / tokens) <= 1e-12, `${mean} for ${nll / tokens}`);
  }));

Deno.test("ids that are not tokens, and too few, are errors in words", () =>
  withTiny(async ({ model }) => {
    await assert.rejects(
      logits(model, []),
      /Cannot compute logits: the number of token ids is 0, expected at least 1/,
    );
    await assert.rejects(
      losses(model, [1]),
      /Cannot compute losses: the number of token ids is 1, expected at least 2/,
    );
    await assert.rejects(
      logits(model, [64]),
      /Cannot compute logits: id 64 is not a token of .*, expected an id below 64/,
    );
    await assert.rejects(logits(model, [1], { drop: { mlp: [99] } }), /Cannot drop mlp 99/);
  }));

Deno.test("a model is closed at the end of its block, and a second time without harm", async () => {
  const { folder } = await fixture("llama");
  let kept;
  {
    using model = await openModel(folder);
    kept = model;
    assert.equal((await logits(model, [1, 2, 3], { engine })).shape[0], 3);
    model.close();
  }
  {
    await using model = await openModel(folder);
    assert.equal(model.spec.layers.length, kept.spec.layers.length);
  }
  await assert.rejects(logits(kept, [1, 2, 3], { engine }), /closed/i);
});
