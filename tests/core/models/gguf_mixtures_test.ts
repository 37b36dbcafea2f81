/**
 * What GGUF files of mixtures say and leave out: `deepseek2`, which llama.cpp calls other models too, `gpt-oss`, and experts in a tensor
 * each. That the files are the folders' models is told in `gguf_test.ts`.
 */
import assert from "node:assert/strict";
import { bufferSource } from "../../buffer.ts";
import { closed } from "core/entry/mod.ts";
import { ggufConfig, loadGguf, scoring } from "core/models/mod.ts";
import { type GgufFile, openGguf } from "core/weights/mod.ts";
import { expectRefused } from "./refused_configs.ts";

/** A tiny model's GGUF file with other values of its metadata and shapes of its tensors: undefined takes a value away, null a tensor. */
async function changed(
  name: string,
  changes: Readonly<Record<string, number | undefined | readonly number[] | null>>,
): Promise<GgufFile & Disposable> {
  const bytes = await Deno.readFile(new URL(`../../fixtures/gguf/${name}.gguf`, import.meta.url));
  const file = await openGguf(bufferSource(name, bytes));
  const [metadata, tensors] = [new Map(file.metadata), new Map(file.tensors)];
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) metadata.delete(key);
    else if (value === null) tensors.delete(key);
    else if (typeof value === "number") metadata.set(key, value);
    else tensors.set(key, { ...tensors.get(key)!, shape: value });
  }
  return closed({ ...file, metadata, tensors });
}

const V3 = "deepseek2.";
const REFUSED: readonly (readonly [
  name: string,
  key: string,
  value: number | undefined | readonly number[] | null,
  rest: string,
])[] = [
  ["deepseek-v3", `${V3}expert_gating_func`, 1, " is 1, expected 2, the sigmoid of DeepSeek V3"],
  ["deepseek-v3", `${V3}expert_gating_func`, undefined, "(V2, and files without this field, have a softmax)"],
  ["deepseek-v3", `${V3}attention.temperature_scale`, 0.1, " is 0.1, expected no value, since"],
  [
    ...["deepseek-v3", `${V3}rope.scaling.yarn_log_multiplier`, undefined] as const,
    " is missing, expected a number above 0 where rope.scaling.type is yarn",
  ],
  ["deepseek-v3", `${V3}block_count`, undefined, " is missing, expected a number"],
  ["deepseek-v3", `${V3}rope.dimension_count`, undefined, " is missing, expected a number"],
  [
    "deepseek-v3",
    `${V3}attention.key_length_mla`,
    3,
    "qk_nope_head_dim is -1, expected an integer of at least 1",
  ],
  ["deepseek-v3", `${V3}expert_group_used_count`, undefined, " is missing, expected a number"],
  ["deepseek-v3", "blk.1.attn_k_b.weight", [4, 8, 12], " has shape [4,8,12], expected [4,12,8]"],
  ["deepseek-v3", "blk.2.attn_v_b.weight", [3, 6, 12], " has shape [3,6,12], expected [4,6,12]"],
  ["deepseek-v3", "blk.0.attn_v_b.weight", null, " is missing, expected [4,6,12]"],
  ["deepseek-v3-older", "blk.0.attn_kv_b.weight", [48, 12], " has shape [48,12], expected [56,12]"],
  ["mixtral", "llama.expert_used_count", undefined, " is missing, expected a number"],
  ["gpt-oss", "blk.1.attn_sinks.weight", [3], " has shape [3], expected [4]"],
  ["gpt-oss", "blk.2.ffn_up_exps.bias", null, " is missing"],
  ["mixtral-older", "blk.1.ffn_down.4.weight", null, " is missing"],
];

for (const [name, key, value, rest] of REFUSED) {
  Deno.test(`the GGUF file ${name} with ${key} ${JSON.stringify(value)} is refused by name`, async () => {
    using file = await changed(name, { [key]: value });
    const words = rest.startsWith(" ") ? `${key}${rest}` : rest; // else of a field that is made of it
    await expectRefused(() => loadGguf(file, "some.gguf"), "some.gguf", words);
  });
}

Deno.test("deepseek2: what older files do not say of groups is V3's where they have 256 experts, else none", async () => {
  const older = async (more: Record<string, number | undefined>) =>
    ggufConfig(await changed("deepseek-v3-older", more), "older");
  const groups = ({ n_group, topk_group }: Record<string, unknown>) => [n_group, topk_group];
  assert.deepEqual(groups(await older({})), [1, 1]);
  assert.deepEqual(groups(await older({ "deepseek2.expert_count": 256 })), [8, 4]);
  const said = { [`${V3}expert_group_count`]: 1, [`${V3}expert_group_used_count`]: 1 };
  assert.deepEqual(groups(await older({ ...said, [`${V3}expert_count`]: 256 })), [1, 1]);
  using published = await changed("deepseek-v3", {});
  assert.deepEqual(groups(ggufConfig(published, "newer")), [4, 2]);
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
    using file = await changed("gpt-oss", metadata);
    const { spec } = await loadGguf(file, "gpt-oss");
    return scoring(spec.layers[0].attention)!.rope!;
  };
  const { scaling } = await ropeOf({});
  assert.ok(scaling?.type === "yarn" && !scaling.truncate);
  const untyped = { "gpt-oss.rope.scaling.type": undefined }; // llama.cpp reads a factor alone as linear
  assert.equal((await ropeOf(untyped)).scaling?.type, "linear");
  assert.equal((await ropeOf({ ...untyped, "gpt-oss.rope.scaling.factor": undefined })).scaling, null);
});

Deno.test("gpt-oss: a pattern of windows in its metadata goes before every other layer", async () => {
  const windows = async (pattern: number | undefined) => {
    using file = await changed("gpt-oss", { "gpt-oss.attention.sliding_window_pattern": pattern });
    const { spec } = await loadGguf(file, "gpt-oss");
    return spec.layers.map((layer) => scoring(layer.attention)!.window);
  };
  assert.deepEqual(await windows(undefined), [6, null, 6]);
  assert.deepEqual(await windows(3), [6, 6, null]);
});
