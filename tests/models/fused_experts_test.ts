/** Experts of a layer in one tensor are those that are stored one by one, in a composite model too; wrong ones are refused by name. */
import assert from "node:assert/strict";
import { noDrop } from "../../src/run/mod.ts";
import { type Tensor, toFloat32 } from "../../src/tensor/mod.ts";
import { finalStreams } from "../run/states.ts";
import { blocksOf, openFolder, withFixture, withFolder } from "../support.ts";
import { prefixed, rewrite } from "./rewrite.ts";

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

function joined(tensors: readonly Tensor[], shape: readonly number[]): Tensor {
  return {
    dtype: "f32",
    shape,
    data: Float32Array.from(tensors.flatMap((tensor) => [...toFloat32(tensor)])),
  };
}

Deno.test(`${NAME}: experts in one tensor, inside a model of text and images, are the same model`, () =>
  withFolder((folder) =>
    withFixture(NAME, async ({ model, expected }) => {
      await rewrite(NAME, folder, (tensors) => {
        fuse(tensors);
        prefixed("model.language_model.")(tensors);
        tensors.set("model.visual.patch_embed.proj.bias", joined([], [0]));
      });
      const text_config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
      const vision_config = { model_type: "qwen3_5_moe_vision", depth: 2 };
      const outer = { model_type: "qwen3_5_moe", text_config, vision_config, vision_start_token_id: 3 };
      await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(outer));
      const other = await openFolder(folder);
      const blocks = blocksOf(expected);
      assert.deepEqual(other.spec, model.spec);
      assert.equal(
        other.stored!("mlp.experts.2.up_proj.weight", 1).name,
        "model.language_model.layers.1.mlp.experts.gate_up_proj",
      );
      assert.deepEqual(
        await finalStreams(other, blocks, [noDrop]),
        await finalStreams(model, blocks, [noDrop]),
      );
      other.close();
    })
  ));

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

const BOTH = "model.layers.1.mlp.experts.gate_up_proj", DOWN = "model.layers.1.mlp.experts.down_proj";

for (
  const [what, change, message] of [
    [
      "no gate and up",
      (tensors) => tensors.delete(BOTH),
      /tensor .*1\.mlp\.experts\.gate_up_proj is missing/,
    ],
    [
      "gate alone",
      (tensors) => tensors.set(BOTH, joined([], [5, 12, 32])),
      /tensor .*1\.mlp\.experts\.gate_up_proj has shape \[5,12,32\], expected \[5,24,32\]/,
    ],
    [
      "an expert too few",
      (tensors) => tensors.set(DOWN, joined([], [4, 32, 12])),
      /tensor .*1\.mlp\.experts\.down_proj has shape \[4,32,12\], expected \[5,32,12\]/,
    ],
    [
      "a matrix turned",
      (tensors) => tensors.set(DOWN, joined([], [5, 12, 32])),
      /tensor .*1\.mlp\.experts\.down_proj has shape \[5,12,32\], expected \[5,32,12\]/,
    ],
  ] as [string, (tensors: Map<string, Tensor>) => void, RegExp][]
) {
  Deno.test(`a checkpoint of fused experts with ${what} is refused by name`, () =>
    withFolder(async (folder) => {
      await rewrite(NAME, folder, (tensors) => {
        fuse(tensors);
        change(tensors);
        for (const [name, { shape, data }] of tensors) { // numbers do not matter here, their count does
          const length = shape.reduce((product, side) => product * side, 1);
          if (data.length !== length) {
            tensors.set(name, { dtype: "f32", shape, data: new Float32Array(length) });
          }
        }
      });
      await assert.rejects(openFolder(folder), { name: "TypeError", message });
    }));
}
