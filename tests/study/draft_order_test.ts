/** The search for drafts, beside one by hand from perplexities. */
import assert from "node:assert/strict";
import { makePlan, order, perplexities } from "../../src/study/mod.ts";
import { bestDraft, planHash } from "../../src/measure/mod.ts";
import { withTiny } from "./tiny.ts";

const modules = [0, 1, 2].flatMap((layer) =>
  (["attention", "mlp"] as const).map((module) => ({ module, layer }))
);
type Module = typeof modules[number];

const planOf = (some: readonly Module[]) => {
  const layers = (kind: string) =>
    some.filter(({ module }) => module === kind).map(({ layer }) => layer).sort();
  return { attention: layers("attention"), mlp: layers("mlp") };
};

Deno.test("an order by draft drops, step by step, the attention or MLP whose absence drafts fastest", () =>
  withTiny(async ({ model, options }) => {
    assert.equal(model.spec.layers.length, 3);
    const found = await order(model, { ...options, target: "joint", by: "draft", upto: 3 });
    const taken: Module[] = [];
    for (const { module, layer, score } of found.order) {
      const open = modules.filter((one) =>
        !taken.some((own) => own.module === one.module && own.layer === one.layer)
      );
      const runs = await perplexities(model, open.map((one) => planOf([...taken, one])), options);
      const times = runs.map(({ acceptance, draft }) =>
        1 / bestDraft({ acceptance: acceptance!, cost: draft!.cost }).speedup
      );
      const best = open[times.indexOf(Math.min(...times))];
      assert.deepEqual({ module, layer }, best);
      // The same streams in other batches: a float32 error of each probability.
      assert.ok(Math.abs(score! - Math.min(...times)) < 1e-5, `${score}, expected ${Math.min(...times)}`);
      taken.push(best);
    }
    assert.equal(taken.length, 3);
    const plan = makePlan(found, { drop: 3 });
    assert.equal(planHash(plan), planHash(planOf(taken)));
    const again = await order(model, { ...options, target: "joint", by: "draft", upto: 3 });
    assert.deepEqual(again.order, found.order);
  }));

Deno.test("whole blocks can be drafts, windows of them are no search", () =>
  withTiny(async ({ model, options }) => {
    const found = await order(model, { ...options, target: "block", by: "draft", upto: 2 });
    assert.ok(found.order.every(({ score }) => score !== null && score > 0 && Number.isFinite(score)));
    await assert.rejects(
      order(model, { ...options, target: "consecutive", by: "draft" }),
      /^RangeError: Cannot order consecutive of .* by draft: windows of n blocks do not extend those of n − 1/,
    );
  }));
