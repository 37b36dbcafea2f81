/** Layers in the variants that plans need: what is read for them, and what is released. */
import assert from "node:assert/strict";
import { normalDraw } from "core/kernels/mod.ts";
import type { Model } from "core/models/mod.ts";
import type { DropPlan } from "core/measure/mod.ts";
import { keepTensors, noDrop } from "core/run/mod.ts";
import { layerVariants, readingAhead } from "core/run/plan/trie.ts";
import { float32 } from "core/tensor/mod.ts";
import { withFixture } from "../../model.ts";
import { engine } from "../../support.ts";

const draw = normalDraw(engine);

/** A model whose source counts leases that are out, and fails once `reads` are made. */
function counting(model: Model, reads = Infinity) {
  const count = { read: 0, held: 0 };
  const lease = async (take: () => ReturnType<Model["weights"]["layer"]>) => {
    if (++count.read > reads) throw new Error("no more");
    const own = await take();
    count.held++;
    return { ...own, release: () => (count.held--, own.release()) };
  };
  const { weights } = model;
  const source: Model["weights"] = {
    format: weights.format,
    storage: (l, name) => weights.storage(l, name),
    layer: (...args) => lease(() => weights.layer(...args)),
    part: (...args) => lease(() => weights.part(...args)),
    outer: (...args) => weights.outer(...args),
    outerBlocks: () => Promise.resolve(null),
    close: () => weights.close(),
  };
  return { model: { ...model, weights: source }, count };
}

const zeros = (size: number) => keepTensors(new Map([["mean", float32([size], new Float32Array(size))]]));

Deno.test("a layer is read once for all plans that leave a module as it is, and once for each change", () =>
  withFixture("llama", async ({ model: full }) => {
    const tensors = zeros(full.spec.hidden);
    const plan = (...modules: ("attention" | "mlp")[]): DropPlan => ({
      ...noDrop,
      changes: modules.map((module) => ({ layer: 0, module, to: "mean", tensors })),
    });
    const dropped: DropPlan = { attention: [0], mlp: [0] };
    const table: [plans: DropPlan[], reads: number, variants: number[]][] = [
      [[noDrop, noDrop], 1, [1, 1]],
      [[dropped], 0, [0, 0]],
      [[plan("attention", "mlp")], 2, [1, 1]],
      [[plan("attention")], 2, [1, 1]],
      [[plan("attention", "mlp"), noDrop], 3, [2, 2]],
      [[plan("attention"), plan("mlp")], 3, [2, 2]],
    ];
    for (const [plans, reads, variants] of table) {
      const { model, count } = counting(full);
      const { attention, mlp, release } = await layerVariants(model, engine, draw, plans, 0, false);
      assert.deepEqual([attention.size, mlp.size], variants);
      assert.deepEqual(count, { read: reads, held: reads });
      release();
      assert.equal(count.held, 0);
    }
  }));

Deno.test("a layer that cannot be read whole is released as far as it was", () =>
  withFixture("llama", async ({ model: full }) => {
    const tensors = zeros(full.spec.hidden);
    const change = { layer: 0, module: "attention", to: "mean", tensors } as const;
    const { model, count } = counting(full, 1);
    const plans = [noDrop, { ...noDrop, changes: [change] }];
    await assert.rejects(layerVariants(model, engine, draw, plans, 0, false), /^Error: no more$/);
    assert.equal(count.held, 0);
  }));

/** Layers as numbers, whose reading and releasing is written down; layer 3 cannot be read. */
function reader() {
  const log: string[] = [];
  const read = (l: number) => {
    log.push(`read ${l}`);
    if (l === 3) return Promise.reject(new Error("layer 3 is damaged"));
    return Promise.resolve({ l, release: () => void log.push(`release ${l}`) });
  };
  return { log, ...readingAhead(read) };
}

Deno.test("a layer that was read ahead is taken once; another one in its place is released", async () => {
  const { log, take, readAhead, forget } = reader();
  readAhead(1);
  assert.deepEqual(log, [], "only once the running work is handed over");
  assert.equal((await take(1)).l, 1);
  assert.deepEqual(log, ["read 1"]);
  assert.equal((await take(1)).l, 1);
  readAhead(2);
  assert.equal((await take(0)).l, 0);
  assert.deepEqual(log, ["read 1", "read 1", "read 2", "release 2", "read 0"]);
  await forget();
  readAhead(1);
  await forget();
  await forget();
  assert.deepEqual(log.slice(5), ["read 1", "release 1"]);
});

Deno.test("an error of reading ahead fails who takes that layer, and nobody else", async () => {
  const { log, take, readAhead, forget } = reader();
  readAhead(3);
  await assert.rejects(take(3), /layer 3 is damaged/);
  readAhead(3);
  while (log.length < 2) await new Promise((resolve) => setTimeout(resolve));
  await new Promise((resolve) => setTimeout(resolve)); // the error has come, and nobody took the layer yet
  assert.equal((await take(1)).l, 1);
  readAhead(3);
  await forget();
  assert.deepEqual(log, ["read 3", "read 3", "read 1", "read 3"]);
});
