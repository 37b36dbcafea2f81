/** Memory for weights changes what is read again, and no number. */
import assert from "node:assert/strict";
import { type Engine, engineWithin, openResidents } from "core/engine/mod.ts";
import type { Model } from "core/models/mod.ts";
import { forward, noDrop } from "core/run/mod.ts";
import { decoder } from "core/run/decode/mod.ts";
import type { DType } from "core/tensor/mod.ts";
import { expectNear, gramSums, withFixture } from "../../model.ts";
import { countedEngine, engine } from "../../support.ts";
import { BLOCK_KINDS, quantised } from "../../quantised.ts";
import { stepLogits } from "./states.ts";

/** The model, counting its reads of layers and parts. */
function counting(model: Model): { model: Model; reads(): number } {
  let reads = 0;
  const { weights } = model;
  const counted: Model["weights"] = {
    ...weights,
    layer: (l, keeps) => (reads++, weights.layer(l, keeps)),
    part: (l, cuts, keeps) => (reads += Math.sign(cuts.size), weights.part(l, cuts, keeps)),
  };
  return { model: { ...model, weights: counted }, reads: () => reads };
}

for (const name of ["llama", "qwen3", "olmoe"]) {
  Deno.test(`${name}: passes read weights at hand no second time, with the same bits`, () =>
    withFixture(name, async ({ model: stored, blocks }) => {
      const expected = await gramSums(stored, blocks);
      let all = 0;
      for (const share of [1, 0.7, 0]) { // of what all weights take
        const room = share === 1 ? 2 ** 30 : share * all;
        const { model, reads } = counting(stored);
        const own = countedEngine();
        const residents = openResidents(model.weights, room);
        const on = engineWithin(own, room, residents);
        assert.deepEqual(await gramSums(model, blocks, { on }), expected);
        const first = reads();
        assert.deepEqual(await gramSums(model, blocks, { on }), expected);
        const second = reads() - first;
        if (share === 1) assert.equal(second, 0);
        else if (share === 0) assert.ok(second >= first);
        else assert.ok(second > 0 && second < first, `${second} of ${first} reads`);
        if (share === 1) all = room - residents.left;
        residents.close();
        assert.deepEqual([engine.live, own.open()], [0, 0]);
      }
    }));
}

for (const [kind, format] of Object.entries(BLOCK_KINDS)) {
  Deno.test(`${kind}: weights in blocks stay at hand with their lease, and decoding leases layers beyond the memory`, () =>
    withFixture("llama", async ({ model: dense, blocks }) => {
      const model = quantised(dense, format);
      const expected = await gramSums(model, blocks);
      const residents = openResidents(model.weights, 2 ** 30);
      const on = engineWithin(engine, 2 ** 30, residents);
      for (let pass = 0; pass < 3; pass++) assert.deepEqual(await gramSums(model, blocks, { on }), expected);
      residents.close();
      assert.equal(engine.live, 0);
      const logits = async (memory: number) => {
        const on = engineWithin(engine, memory);
        const found = (await stepLogits({ model, engine: on }, blocks.ids.slice(0, 5), 4)).at(-1)!;
        assert.equal(engine.live, 0);
        return found;
      };
      const kept = await logits(2 ** 30);
      for (const memory of [0, 10_000, 30_000]) {
        expectNear(model.spec, await logits(memory), kept, `${memory}`);
      }
    }));
}

Deno.test("groups of batches read the weights once where they fit", () =>
  withFixture("llama", async ({ model: stored, blocks }) => {
    const { model, reads } = counting(stored);
    const segments = [3, 4, 5].map((length) => ({ ids: blocks.ids.slice(0, length), past: null }));
    await forward({ model, engine, segments, plans: [noDrop], budget: 1 });
    assert.equal(reads(), model.spec.layers.length);
    await forward({ model, engine: engineWithin(engine, 0), segments, plans: [noDrop], budget: 1 });
    assert.equal(reads(), (1 + segments.length) * model.spec.layers.length);
    assert.equal(engine.live, 0);
  }));

Deno.test("an error in a layer leaves nothing on the engine once the weights at hand are closed", () =>
  withFixture("llama", async ({ model: stored, blocks }) => {
    const { weights } = stored;
    const broken: Model["weights"] = {
      ...weights,
      layer: (l, keeps) => l === 1 ? Promise.reject(new RangeError("broken")) : weights.layer(l, keeps),
    };
    const residents = openResidents(broken, 2 ** 30);
    const on = engineWithin(engine, 2 ** 30, residents);
    const model = { ...stored, weights: broken };
    await assert.rejects(gramSums(model, blocks, { on }), { message: "broken" });
    assert.ok(engine.live > 0, "layer 0 is at hand");
    residents.close();
    assert.equal(engine.live, 0);
  }));

Deno.test("a decoder takes the place of weights at hand, and gives it back", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const room = 2 ** 20;
    const residents = openResidents(model.weights, room);
    const on = engineWithin(engine, room, residents);
    await gramSums(model, blocks, { on });
    assert.ok(residents.left < room);
    const opened = await decoder({ model, engine: on });
    const claimed = residents.left;
    assert.ok(claimed < room);
    const kept = await opened.prefill([blocks.ids.slice(0, 5)]);
    await opened.release();
    assert.equal(residents.left, room);
    residents.close();
    // Products of a step with packed weights and with fed ones add in another order.
    const [without] = await stepLogits({ model, engine: engineWithin(engine, 0) }, blocks.ids.slice(0, 5), 5);
    expectNear(model.spec, without, kept);
    assert.equal(engine.live, 0);
  }));

/** The engine as a device that is fed its weights, noting the types of what is uploaded. */
function device(types: Set<DType>): Engine {
  const upload: Engine["upload"] = (tensor) => {
    if (tensor.shape.length === 2 && tensor.dtype !== "i32") types.add(tensor.dtype);
    return engine.upload(tensor);
  };
  return Object.create(engine, {
    has: { value: { ...engine.has, constants: "fed" } },
    upload: { value: upload },
  });
}

for (const [name, dtype] of [["qwen3", "bf16"], ["llama-bias", "f16"]] as const) {
  Deno.test(`${name}: a decoder on a device keeps ${dtype} as stored where float32 would not fit`, () =>
    withFixture(name, async ({ model }) => {
      const typesWithin = async (budget: number) => {
        const types = new Set<DType>();
        await (await decoder({ model, engine: device(types), budget })).release();
        assert.equal(engine.live, 0);
        return [...types];
      };
      const enough = 2 ** 30;
      assert.deepEqual(await typesWithin(enough), ["f32"]);
      assert.deepEqual(await typesWithin(100_000), [dtype]);
    }));
}
