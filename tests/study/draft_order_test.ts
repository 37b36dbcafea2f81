/** The search for drafts beside one by hand from perplexities; the published drafts, and what the roofline of an A100 allows them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { makePlan, order, perplexities, roofline } from "../../src/study/mod.ts";
import { bestDraft, draftSpeedup, planHash } from "../../src/measure/mod.ts";
import { readResult } from "../../src/result/mod.ts";
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
      const runs = await perplexities(model, open.map((one) => planOf([...taken, one])), {
        ...options,
        draft: true,
      });
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

/** Attention modules and MLPs skipped, of so many layers (arXiv 2309.08168 and 2410.06916). */
const published: readonly (readonly [name: string, attention: number, mlp: number, layers: number])[] = [
  ["draft-verify-llama-2-13b", 24, 10, 40],
  ["draft-verify-llama-2-13b-chat", 24, 10, 40],
  ["draft-verify-codellama-13b", 22, 12, 40],
  ["draft-verify-llama-2-70b", 47, 37, 80],
  ["swift-llama-2-13b", 20, 14, 40],
  ["swift-llama-2-70b", 41, 37, 80],
  ["swift-codellama-13b", 14, 20, 40],
];

const committed = (name: string) =>
  readResult(fileURLToPath(new URL(`../../data/drafts/${name}.json`, import.meta.url)), "plan");

Deno.test("each published plan skips as many modules as its paper says", async () => {
  const found = [...Deno.readDirSync(new URL("../../data/drafts/", import.meta.url))]
    .flatMap(({ name }) => name.endsWith(".json") ? [name.replace(".json", "")] : []);
  assert.deepEqual(found.sort(), published.map(([name]) => name).sort());
  for (const [name, attention, mlp, layers] of published) {
    const plan = await committed(name);
    assert.deepEqual([plan.attention.length, plan.mlp.length, plan.layers], [attention, mlp, layers], name);
    for (const list of [plan.attention, plan.mlp]) {
      assert.ok(list.every((layer, i) => layer < layers && (i === 0 || layer > list[i - 1])), name);
    }
  }
});

const setting = { device: "a100", batch: [1], input: 512, output: 512, accepted: [0, 0.9, 1] } as const;

Deno.test("the cost of a draft is its bytes over the full model's, by hand", async () => {
  const { plans: [full, own] } = await roofline("llama-2-13b", {
    ...setting,
    plans: [await committed("swift-llama-2-13b")],
  });
  assert.ok(!("draft" in full));
  const [attention, mlp, head, norm] = [4 * 5120 ** 2, 3 * 5120 * 13824, 32000 * 5120, 5120];
  const key = 2 * 5120; // numbers of a token's key and value
  const bytes = (attentions: number, mlps: number) =>
    attentions * (attention + norm + key * (512 + 256 + 1)) + mlps * (mlp + norm) + head;
  assert.ok(Math.abs(own.draft!.cost - bytes(20, 26) / bytes(40, 40)) < 1e-9, `${own.draft!.cost}`);
  for (const { acceptance, drafted, speedup } of own.draft!.rounds) {
    // Reading a few tokens at once takes the time of the weights: v is 1 but for a few keys.
    const simple = draftSpeedup({ acceptance, cost: own.draft!.cost }, drafted);
    assert.ok(Math.abs(speedup / simple - 1) < 0.01, `${speedup}, expected ${simple}`);
  }
  assert.ok(own.draft!.rounds[0].speedup < 1);
});

Deno.test("without shares there are no drafts", async () => {
  const { accepted: _, ...others } = setting;
  const { plans } = await roofline("llama-2-13b", others);
  assert.ok(plans.every((plan) => !("draft" in plan)));
});
