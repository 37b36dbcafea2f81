/**
 * What GGUF files of mixtures say and leave out: `deepseek2`, which llama.cpp calls other models too, `gpt-oss`, and experts in a tensor
 * each. That the files are the folders' models is told in `gguf_test.ts`.
 */
import assert from "node:assert/strict";
import { bufferSource } from "../../src/hub/mod.ts";
import { ggufConfig, loadGguf, scoring } from "../../src/models/mod.ts";
import { type GgufFile, openGguf } from "../../src/weights/mod.ts";

/** A tiny model's GGUF file with other values of its metadata (undefined takes one away) and other shapes of its tensors (null likewise). */
async function changed(
  name: string,
  metadata: Readonly<Record<string, number | undefined>>,
  shapes: Readonly<Record<string, readonly number[] | null>> = {},
): Promise<GgufFile> {
  const bytes = await Deno.readFile(new URL(`../fixtures/gguf/${name}.gguf`, import.meta.url));
  const file = await openGguf(bufferSource(name, bytes));
  const [fields, tensors] = [new Map(file.metadata), new Map(file.tensors)];
  for (const [key, value] of Object.entries(metadata)) {
    if (value === undefined) fields.delete(key);
    else fields.set(key, value);
  }
  for (const [tensor, shape] of Object.entries(shapes)) {
    if (shape === null) tensors.delete(tensor);
    else tensors.set(tensor, { ...tensors.get(tensor)!, shape });
  }
  return { ...file, metadata: fields, tensors };
}

for (
  const [what, name, metadata, shapes, message] of [
    [
      "a softmax over the experts, as DeepSeek V2",
      "deepseek-v3",
      { "deepseek2.expert_gating_func": 1 },
      {},
      /deepseek2\.expert_gating_func is 1, expected 2, the sigmoid of DeepSeek V3/,
    ],
    [
      "no word on how experts are chosen",
      "deepseek-v3",
      { "deepseek2.expert_gating_func": undefined },
      {},
      /deepseek2\.expert_gating_func is missing, expected 2, .* \(V2, and files without this field, have a softmax\)/,
    ],
    [
      "scores that grow with positions, as Mistral Large 3",
      "deepseek-v3",
      { "deepseek2.attention.temperature_scale": 0.1 },
      {},
      /deepseek2\.attention\.temperature_scale is 0\.1, expected no value, since/,
    ],
    [
      "YaRN without its multiplier",
      "deepseek-v3",
      { "deepseek2.rope.scaling.yarn_log_multiplier": undefined },
      {},
      /deepseek2\.rope\.scaling\.yarn_log_multiplier is missing, expected a number above 0 where rope\.scaling\.type is yarn/,
    ],
    [
      "no number of layers",
      "deepseek-v3",
      { "deepseek2.block_count": undefined },
      {},
      /deepseek2\.block_count is missing, expected a number/,
    ],
    [
      "no size of its rotation",
      "deepseek-v3",
      { "deepseek2.rope.dimension_count": undefined },
      {},
      /deepseek2\.rope\.dimension_count is missing, expected a number/,
    ],
    [
      "keys that are shorter than their rotation",
      "deepseek-v3",
      { "deepseek2.attention.key_length_mla": 3 },
      {},
      /qk_nope_head_dim is -1, expected an integer of at least 1/,
    ],
    [
      "groups that are not counted",
      "deepseek-v3",
      { "deepseek2.expert_group_used_count": undefined },
      {},
      /deepseek2\.expert_group_used_count is missing, expected a number/,
    ],
    [
      "keys out of another latent",
      "deepseek-v3",
      {},
      { "blk.1.attn_k_b.weight": [4, 8, 12] },
      /tensor blk\.1\.attn_k_b\.weight has shape \[4,8,12\], expected \[4,12,8\]/,
    ],
    [
      "values of fewer heads",
      "deepseek-v3",
      {},
      { "blk.2.attn_v_b.weight": [3, 6, 12] },
      /tensor blk\.2\.attn_v_b\.weight has shape \[3,6,12\], expected \[4,6,12\]/,
    ],
    [
      "keys without values",
      "deepseek-v3",
      {},
      { "blk.0.attn_v_b.weight": null },
      /tensor blk\.0\.attn_v_b\.weight is missing, expected \[4,6,12\]/,
    ],
    [
      "keys and values in one tensor that is too small",
      "deepseek-v3-older",
      {},
      { "blk.0.attn_kv_b.weight": [48, 12] },
      /tensor blk\.0\.attn_kv_b\.weight has shape \[48,12\], expected \[56,12\]/,
    ],
    [
      "no number of experts of a token",
      "mixtral",
      { "llama.expert_used_count": undefined },
      {},
      /llama\.expert_used_count is missing, expected a number/,
    ],
    [
      "sinks of fewer heads",
      "gpt-oss",
      {},
      { "blk.1.attn_sinks.weight": [3] },
      /tensor blk\.1\.attn_sinks\.weight has shape \[3\], expected \[4\]/,
    ],
    [
      "experts without biases",
      "gpt-oss",
      {},
      { "blk.2.ffn_up_exps.bias": null },
      /tensor blk\.2\.ffn_up_exps\.bias is missing/,
    ],
    [
      "an expert too few",
      "mixtral-older",
      {},
      { "blk.1.ffn_down.4.weight": null },
      /tensor blk\.1\.ffn_down\.4\.weight is missing/,
    ],
  ] as const
) {
  Deno.test(`a GGUF file with ${what} is refused by name`, async () => {
    const file = await changed(name, metadata, shapes);
    await assert.rejects(loadGguf(file, "some.gguf"), (error: Error) => {
      assert.match(error.message, message);
      assert.match(error.message, /some\.gguf/);
      return error instanceof TypeError || error instanceof RangeError;
    });
    file.close();
  });
}

Deno.test("deepseek2: what older files do not say of groups is V3's where they have 256 experts, else none", async () => {
  const older = async (more: Record<string, number | undefined>) =>
    ggufConfig(await changed("deepseek-v3-older", more), "older");
  const groups = ({ n_group, topk_group }: Record<string, unknown>) => [n_group, topk_group];
  assert.deepEqual(groups(await older({})), [1, 1]);
  assert.deepEqual(groups(await older({ "deepseek2.expert_count": 256 })), [8, 4]);
  assert.deepEqual(
    groups(
      await older({
        "deepseek2.expert_group_count": 1,
        "deepseek2.expert_group_used_count": 1,
        "deepseek2.expert_count": 256,
      }),
    ),
    [1, 1],
  );
  const published = await changed("deepseek-v3", {});
  assert.deepEqual(groups(ggufConfig(published, "newer")), [4, 2]);
  published.close();
});

Deno.test("deepseek2: rows of what makes keys and values are those of the whole", async () => {
  const file = await changed("deepseek-v3", {});
  const { weights, spec } = await loadGguf(file, "deepseek-v3");
  const name = "attention.kv_b_proj.weight";
  const cut = { axis: 0, start: 11, end: 30 } as const;
  const [whole, part] = [await weights.layer(1), await weights.part(1, new Map([[name, cut]]))];
  const { data, shape } = whole.tensors.get(name)!;
  assert.deepEqual(shape, [56, 12]);
  const { attention } = spec.layers[1];
  assert.ok(attention?.kind === "latent");
  assert.equal(attention.latents.keyValue, 12);
  assert.deepEqual(part.tensors.get(name)!.data, data.slice(11 * 12, 30 * 12));
  weights.close();
});

Deno.test("gpt-oss: the ends of its stretch are not rounded, and a file that says nothing of one has none", async () => {
  const ropeOf = async (metadata: Record<string, undefined>) => {
    const file = await changed("gpt-oss", metadata);
    const { spec } = await loadGguf(file, "gpt-oss");
    file.close();
    return scoring(spec.layers[0].attention)!.rope!;
  };
  const { scaling } = await ropeOf({});
  assert.ok(scaling?.type === "yarn" && !scaling.truncate);
  assert.equal((await ropeOf({ "gpt-oss.rope.scaling.type": undefined })).scaling, null);
});

Deno.test("gpt-oss: a pattern of windows in its metadata goes before every other layer", async () => {
  const windows = async (pattern: number | undefined) => {
    const file = await changed("gpt-oss", { "gpt-oss.attention.sliding_window_pattern": pattern });
    const { spec } = await loadGguf(file, "gpt-oss");
    file.close();
    return spec.layers.map((layer) => scoring(layer.attention)!.window);
  };
  assert.deepEqual(await windows(undefined), [6, null, 6]);
  assert.deepEqual(await windows(3), [6, 6, null]);
});
