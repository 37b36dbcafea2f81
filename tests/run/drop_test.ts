/** A module that is not run leaves the stream that it would leave with an output projection of zeros. */
import assert from "node:assert/strict";
import { openModel } from "../../src/hub/mod.ts";
import { dropPlan, noDrop } from "../../src/run/mod.ts";
import type { Tensor } from "../../src/tensor/mod.ts";
import { openSafetensors, writeSafetensors } from "../../src/weights/mod.ts";
import { distance, openFolder, withFixture, withFolder } from "../support.ts";
import { finalStreams } from "./states.ts";

/** Names of the output projections of Llama-like models and of GPT-NeoX, weights and biases. */
const decoder = { attention: /layers\.(\d+)\.self_attn\.o_proj\./, mlp: /layers\.(\d+)\.mlp\.down_proj\./ };
const neox = { attention: /layers\.(\d+)\.attention\.dense\./, mlp: /layers\.(\d+)\.mlp\.dense_4h_to_h\./ };

const projections = {
  "llama": decoder,
  "llama-bias": decoder,
  "gemma2": decoder,
  "olmo2": decoder,
  "neox-parallel": neox,
  "neox-sequential": neox,
};

/** Copies a model with the tensors that `zeroed` chooses set to zero; gives how many there were. */
async function copyWithZeros(from: string, to: string, zeroed: (name: string) => boolean): Promise<number> {
  const files = await openModel(from);
  const file = await openSafetensors(files);
  const tensors = new Map<string, Tensor>();
  for (const name of file.tensors.keys()) {
    const tensor = await file.read(name);
    tensors.set(name, zeroed(name) ? { ...tensor, data: tensor.data.slice().fill(0 as never) } : tensor);
  }
  await writeSafetensors(`${to}/model.safetensors`, tensors);
  await Deno.copyFile(`${from}/config.json`, `${to}/config.json`);
  file.close();
  files.close();
  return [...tensors.keys()].filter(zeroed).length;
}

for (const [name, patterns] of Object.entries(projections)) {
  Deno.test(`${name}: a dropped module is a zeroed output projection, bit for bit`, () =>
    withFixture(name, ({ model, blocks, expected: { folder } }) =>
      withFolder(async (copied) => {
        const last = model.spec.layers.length - 1;
        const plan = dropPlan(model.spec, { attention: [0, last], mlp: [1, last] });
        const zeroed = (tensor: string) =>
          (["attention", "mlp"] as const).some((kind) => {
            const layer = patterns[kind].exec(tensor)?.[1];
            return layer !== undefined && plan[kind].includes(Number(layer));
          });
        assert.ok(await copyWithZeros(folder, copied, zeroed) >= 4);
        const edited = await openFolder(copied);
        try {
          const [full, dropped] = await finalStreams(model, blocks, [noDrop, plan]);
          const [silent] = await finalStreams(edited, blocks, [noDrop]);
          assert.equal(distance(dropped, silent), 0);
          assert.ok(distance(dropped, full) > 0.1);
        } finally {
          edited.close();
        }
      })));
}

Deno.test("a checkpoint's own drop list is the plan of the same layers", () =>
  withFixture("llama", async ({ model, blocks, expected: { folder } }) => {
    const thinner = await openFolder(folder, "config.json", (config) => {
      config.drop_attn_list = [1];
      config.drop_mlp_list = [true, false, true];
    });
    const [expected] = await finalStreams(model, blocks, [
      dropPlan(model.spec, { attention: [1], mlp: [0, 2] }),
    ]);
    const [actual] = await finalStreams(thinner, blocks, [noDrop]);
    thinner.close();
    assert.deepEqual(actual, expected);
  }));

Deno.test("a plan names each present module once, in ascending order", () =>
  withFixture("llama", ({ model: { spec } }) => {
    assert.deepEqual(dropPlan(spec, { attention: [2, 0] }), { attention: [0, 2], mlp: [] });
    const refused = (plan: Parameters<typeof dropPlan>[1], message: RegExp) =>
      assert.throws(() => dropPlan(spec, plan), { name: "RangeError", message });
    refused({ attention: [3] }, /attention 3: expected a layer from 0 to 2/);
    refused({ mlp: [-1] }, /mlp -1: expected a layer from 0 to 2/);
    refused({ mlp: [0.5] }, /mlp 0.5: expected a layer/);
    refused({ mlp: [1, 1] }, /mlp 1: it is listed twice/);
    const thinner = { ...spec, layers: spec.layers.map((layer) => ({ ...layer, mlp: null })) };
    assert.throws(() => dropPlan(thinner, { mlp: [1] }), /mlp 1: the checkpoint already lacks it/);
  }));
