/** Losses of single removals and paired differences, against the perplexities they are made from. */
import assert from "node:assert/strict";
import { paired, perplexities, profile, removalAgreement, removals } from "../../src/study/mod.ts";
import { withTiny } from "./tiny.ts";

Deno.test("each removal is the loss of its own plan over the full model's", () =>
  withTiny(async ({ model, options }) => {
    const measured = await profile(model, options);
    const list = await removals(model, measured, { ...options, kind: "attention" });
    const [full, ...runs] = await perplexities(
      model,
      [{}, ...[0, 1, 2].map((l) => ({ attention: [l] }))],
      options,
    );
    assert.deepEqual(list.map(({ layer }) => layer), [0, 1, 2]);
    list.forEach(({ difference, low, high, importance, layer }) => {
      assert.ok(Math.abs(difference - (runs[layer].nll - full.nll)) < 1e-12); // samples of equal length
      assert.ok(low! < difference && difference < high!);
      assert.equal(importance, measured.attention.importance[layer]);
    });
  }));

Deno.test("a paired interval is Student's t over the samples' differences", () =>
  withTiny(async ({ model, options }) => {
    const [full, dropped] = await perplexities(model, [{}, { mlp: [1] }], options);
    const of = (nats: number[]) => ({
      ...full,
      sums: full.sums.map((s, i) => ({ ...s, nll: nats[i] * s.tokens })),
    });
    // Differences 1, 2, 3, 4: mean 2.5, standard error √(5/3)/2, t of 3 degrees of freedom 3.182.
    const { difference, low, high } = paired(of([5, 5, 5, 5]), of([4, 3, 2, 1]));
    const half = 3.182446305283708 * Math.sqrt(5 / 3) / 2;
    assert.ok(Math.abs(difference - 2.5) < 1e-12);
    assert.ok(Math.abs(low! - (2.5 - half)) < 1e-9 && Math.abs(high! - (2.5 + half)) < 1e-9);
    const other = { ...dropped, provenance: { ...full.provenance, text: { name: "file", hash: "0" } } };
    assert.throws(() => paired(other, full), /^RangeError: Cannot pair runs over different texts/);
    const others = [{ engine: "cuda" }, { device: "NVIDIA H100" }, { dtype: "tf32" }, { dtype: "int8" }, {
      runtime: "2",
    }];
    for (const on of others) {
      const elsewhere = { ...dropped, provenance: { ...dropped.provenance, ...on } };
      assert.throws(() => paired(elsewhere, full), {
        name: "RangeError",
        message: /^Cannot pair runs of different engines, devices or precisions/,
      });
    }
  }));

Deno.test("agreement is a rank correlation with the loss", () => {
  const row = (layer: number, importance: number, difference: number) => ({
    layer,
    importance,
    difference,
    low: null,
    high: null,
  });
  const list = [row(0, 0.3, 3), row(1, 0.1, 2), row(2, 0.2, 1)];
  assert.deepEqual(removalAgreement(list), { importance: 0.5, layersAfter: 1 });
});

Deno.test("each attention in turn becomes a window, where it has keys", () =>
  withTiny(async ({ model, options }) => {
    const measured = await profile(model, options);
    const windows = (window: number, sinks?: number) =>
      removals(model, measured, { ...options, kind: "attention", window, sinks });
    const changes = [{ layer: 1, module: "attention", to: "window", keys: 3, sinks: 4 }] as const;
    const [full, own] = await perplexities(model, [{}, { changes }], options);
    const list = await windows(3);
    assert.deepEqual(list.map(({ layer }) => layer), [0, 1, 2]);
    assert.equal(list[1].difference, paired(own, full).difference);
    assert.notEqual((await windows(3, 0))[1].difference, list[1].difference);
    for (const { difference } of await windows(16)) assert.equal(difference, 0); // the whole sample
    const refused = (options: object, message: string) =>
      assert.rejects(removals(model, measured, { kind: "attention", ...options }), { message });
    await refused(
      { kind: "mlp", window: 3 },
      "Cannot make windows of modules: kind is mlp, expected attention",
    );
    await refused(
      { sinks: 3 },
      "Cannot remove modules: found sinks without window, expected both",
    );
    await withTiny(async ({ model, options }) => {
      const list = await removals(model, await profile(model, options), {
        ...options,
        kind: "attention",
        window: 3,
      });
      assert.deepEqual(list.map(({ layer }) => layer), [1]);
    }, "qwen3-next");
  }));
