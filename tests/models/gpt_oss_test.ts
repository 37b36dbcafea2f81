/** gpt-oss whole, its experts packed as they are published: the same model as with experts in float32. */
import assert from "node:assert/strict";
import { loadGguf, readSpec, scoring } from "../../src/models/mod.ts";
import { gramSums, openFolder, randomBlocks, withFolder } from "../support.ts";
import { gptOssConfig as config, openPacked, writeGptOss } from "./gpt_oss_folder.ts";

/** The importance sums of the model with the fixture's experts, as they are stored. */
async function sumsOf(kind: "packed" | "plain", more: Record<string, unknown>) {
  let sums: unknown = null;
  await withFolder(async (folder) => {
    await writeGptOss(folder, kind, more);
    const model = await openFolder(folder);
    sums = await gramSums(model, randomBlocks(2, 20, config.vocab_size));
    model.close();
  });
  return sums;
}

Deno.test("gpt-oss with packed experts is the model with experts in float32", async () => {
  const packed = await sumsOf("packed", { quantization_config: { quant_method: "mxfp4" } });
  assert.deepEqual(packed, await sumsOf("plain", {}));
});

Deno.test("gpt-oss packed in a GGUF file is the model packed in a folder", async () => {
  const file = await openPacked();
  assert.equal(file.tensors.get("blk.0.ffn_gate_exps.weight")!.type, "MXFP4");
  const model = await loadGguf(file, "packed.gguf");
  const { rope_scaling, rope_theta, max_position_embeddings, sliding_window } = model.config;
  const said = { rope_scaling, rope_theta, max_position_embeddings, sliding_window, swiglu_limit: 7 };
  const packed = await sumsOf("packed", said);
  assert.deepEqual(await gramSums(model, randomBlocks(2, 20, config.vocab_size)), packed);
  assert.notDeepEqual(
    await sumsOf("packed", { ...said, swiglu_limit: 1.5 }),
    packed,
    "the limit must matter",
  );
  model.weights.close();
});

Deno.test("gpt-oss packed in another way is refused; without a word on its rotation it has the published one", () => {
  const quantised = { ...config, quantization_config: { quant_method: "gptq" } };
  assert.throws(
    () => readSpec(quantised, "x"),
    /weights are quantised by gptq, expected mxfp4 or no quantisation/,
  );
  const { rope } = scoring(readSpec(config, "x").layers[0].attention)!;
  assert.equal(rope!.theta, 150000);
  assert.deepEqual(rope!.scaling, {
    type: "yarn",
    factor: 32,
    attentionFactor: 0.1 * Math.log(32) + 1,
    betaFast: 32,
    betaSlow: 1,
    truncate: false,
    originalMaxPositions: 4096,
  });
});
