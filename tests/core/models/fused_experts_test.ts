/** Experts of a layer in one tensor are those that are stored one by one, in a composite model too; wrong ones are refused by name. */
import assert from "node:assert/strict";
import { float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { withFixture } from "../../model.ts";
import { openFolder, withFolder } from "../../support.ts";
import { expectSame, prefixed, rewrite, withCopy } from "./rewrite.ts";

const NAME = "qwen3-5-moe";

/** Puts the experts of each layer into two tensors, as the published models have them. */
function fuse(tensors: Map<string, Tensor>): void {
  const parts = (layer: number, part: string) => {
    const found: Tensor[] = [];
    for (let e = 0;; e++) {
      const name = `model.layers.${layer}.mlp.experts.${e}.${part}_proj.weight`;
      if (!tensors.has(name)) return found;
      found.push(tensors.get(name)!);
      tensors.delete(name);
    }
  };
  for (let l = 0; l < 4; l++) {
    const [gates, ups, downs] = ["gate", "up", "down"].map((part) => parts(l, part));
    const both = gates.map((gate, e) => joined([gate, ups[e]], [gate.shape[0] * 2, gate.shape[1]]));
    const all = (experts: Tensor[]) => joined(experts, [experts.length, ...experts[0].shape]);
    tensors.set(`model.layers.${l}.mlp.experts.gate_up_proj`, all(both));
    tensors.set(`model.layers.${l}.mlp.experts.down_proj`, all(downs));
  }
}

const joined = (tensors: readonly Tensor[], shape: readonly number[]): Tensor =>
  float32(shape, Float32Array.from(tensors.flatMap((tensor) => [...toFloat32(tensor)])));

/** Makes the configuration that of a model of text and images. */
async function nest(folder: string): Promise<void> {
  const text_config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
  const vision_config = { model_type: "qwen3_5_moe_vision", depth: 2 };
  const outer = { model_type: "qwen3_5_moe", text_config, vision_config, vision_start_token_id: 3 };
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(outer));
}

Deno.test(`${NAME}: experts in one tensor, inside a model of text and images, are the same model`, () =>
  withCopy(NAME, (tensors) => {
    fuse(tensors);
    prefixed("model.language_model.")(tensors);
    tensors.set("model.visual.patch_embed.proj.bias", joined([], [0]));
  }, async (copy, model, blocks) => {
    assert.deepEqual(copy.spec, model.spec);
    const stored = "model.language_model.layers.1.mlp.experts.gate_up_proj";
    assert.equal(copy.stored!("mlp.experts.2.up_proj.weight", 1).name, stored);
    await expectSame(copy, model, blocks);
  }, nest));

Deno.test("rows of an expert in one tensor are views of the file where its numbers are not computed", () =>
  withFixture("qwen3-5-moe-fused", async ({ model: { weights, spec } }) => {
    const cuts = new Map([["mlp.experts.3.up_proj.weight", { axis: 0, start: 2, end: 5 } as const]]);
    const [some, all] = [await weights.part(1, cuts), await weights.layer(1)];
    const [rows, whole] = [some, all].map(({ tensors }) => tensors.get("mlp.experts.3.up_proj.weight")!);
    assert.equal(whole.dtype, "bf16");
    assert.deepEqual(rows.shape, [3, spec.hidden]);
    assert.deepEqual(rows.data, whole.data.subarray(2 * spec.hidden, 5 * spec.hidden));
    [some, all].forEach(({ release }) => release());
  }));

const [BOTH, DOWN] = ["gate_up_proj", "down_proj"].map((name) => `model.layers.1.mlp.experts.${name}`);
const SHAPES = { [BOTH]: [5, 24, 32], [DOWN]: [5, 32, 12] };

const wrong: [name: string, shape: number[]][] = [
  [BOTH, [5, 12, 32]], // gates alone
  [DOWN, [4, 32, 12]], // an expert too few
  [DOWN, [5, 12, 32]], // turned
];
for (const [name, shape] of [[BOTH, null] as const, ...wrong]) {
  const json = JSON.stringify;
  const found = shape ? `has shape ${json(shape)}, expected ${json(SHAPES[name])}` : "is missing";
  Deno.test(`a checkpoint of fused experts whose ${name} ${found} is refused by name`, () =>
    withFolder(async (folder) => {
      await rewrite(NAME, folder, (tensors) => {
        fuse(tensors);
        if (!shape) return tensors.delete(name);
        const data = new Float32Array(shape.reduce((product, side) => product * side, 1)); // only counts
        tensors.set(name, { dtype: "f32", shape, data });
      });
      const message = new RegExp(RegExp.escape(`${name} ${found}`));
      await assert.rejects(openFolder(folder), { name: "TypeError", message });
    }));
}
