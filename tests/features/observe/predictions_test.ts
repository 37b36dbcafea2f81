/** Losses token by token, those of plans that cut a head, paired differences, and the attention of selected heads: beside Hugging Face's logits and perplexities. */
import assert from "node:assert/strict";
import { logits, losses } from "features/observe/mod.ts";
import { paired, perplexities } from "features/losses/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { fixture, fixtureNames } from "../../fixtures/read.ts";
import { distance, largest } from "../../model.ts";
import { engine, isThorough, near, refuses } from "../../support.ts";
import { withTiny } from "../../core/study/tiny.ts";

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
      near(distance(own.data, wanted), 0, bound, id);

      const nll = await losses(model, ids, { engine, drop });
      const expected = Array.from({ length: length - 1 }, (_, t) => {
        const row = wanted.subarray(t * vocabulary, (t + 1) * vocabulary);
        const most = Math.max(...row);
        return most + Math.log(row.reduce((sum, z) => sum + Math.exp(z - most), 0)) - row[ids[t + 1]];
      });
      near(distance(nll, expected), 0, 2 * bound, id);
    }
  });
}

Deno.test("the mean of the losses is the loss that perplexities reports", () =>
  withTiny(async ({ model, options }) => {
    const one = { ...options, samples: 1 };
    const [{ sums: [{ nll, tokens }] }] = await perplexities(model, [{}], one);
    const text = await Deno.readTextFile(options.text!);
    const ids = (await model.tokenizer()).encode(text);
    const own = await losses(model, ids.slice(0, one.length), { engine });
    assert.equal(own.length, tokens);
    near(own.reduce((sum, loss) => sum + loss, 0) / tokens, nll / tokens, 1e-12);
    assert.deepEqual(await losses(model, text, { engine }), await losses(model, ids, { engine }), "a text");
    assert.deepEqual(await logits(model, text, { engine }), await logits(model, ids, { engine }), "a text");
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

Deno.test("a paired interval is Student's t over the samples' differences", () =>
  withTiny(async ({ model, options }) => {
    const [full, dropped] = await perplexities(model, [{}, { mlp: [1] }], options);
    const of = (nats: number[]) => ({
      ...full,
      sums: full.sums.map((s, i) => ({ ...s, nll: nats[i] * s.tokens })),
    });
    // Differences 1, 2, 3, 4: mean 2.5, standard error √(5/3)/2, t of 3 degrees of freedom 3.182.
    const { rise, low, high } = paired(of([5, 5, 5, 5]), of([4, 3, 2, 1]));
    const half = 3.182446305283708 * Math.sqrt(5 / 3) / 2;
    near(rise, 2.5, 1e-12);
    near(low!, 2.5 - half, 1e-9);
    near(high!, 2.5 + half, 1e-9);
    const { provenance } = dropped;
    const elsewhere = (on: object) => paired({ ...dropped, provenance: { ...provenance, ...on } }, full);
    await refuses("Cannot pair runs ", elsewhere, [
      [{ text: { name: "file", hash: "0" } }, "over different texts"],
      ...[{ engine: "cuda" }, { device: "NVIDIA H100" }, { dtype: "tf32" }, { dtype: "int8" }, {
        runtime: "2",
      }]
        .map((on) => [on, "of different engines, devices or precisions"] as const),
    ]);
  }));
