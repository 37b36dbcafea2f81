/** Weights are fed as they are stored and widened in the graph: not a bit of a sum may change. */
import assert from "node:assert/strict";
import { gramSums, widened, withFixture } from "../support.ts";

for (const [name, dtype] of [["qwen3", "bf16"], ["llama-bias", "f16"], ["llama", "f32"]]) {
  Deno.test(`${name}: a pass with ${dtype} weights has no error against float32`, () =>
    withFixture(name, async ({ model, blocks }) => {
      const { tensors, release } = await model.weights.layer(0);
      assert.ok([...tensors.values()].every((tensor) => tensor.dtype === dtype), "the fixture's type");
      release();
      assert.deepEqual(await gramSums(model, blocks), await gramSums(widened(model), blocks));
    }));
}
