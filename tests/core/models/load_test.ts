/** Checkpoints whose tensors have other prefixes are found; those that lack a tensor, or have a wrong one, are refused. */
import assert from "node:assert/strict";
import { bufferSource } from "../../buffer.ts";
import { loadFolder } from "core/models/mod.ts";
import { type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { fixture } from "../../fixtures/read.ts";
import { join, safetensors } from "../weights/build.ts";
import { openFolder, withFolder } from "../../support.ts";
import { type Change, expectSame, prefixed, rewrite, withCopy } from "./rewrite.ts";

/** Prefixes of tensors' names; Idefics 3 and SmolVLM have `model.text_model.`. */
const prefixes: Record<string, string[]> = {
  llama: [
    ...["", "language_model.model.", "model.text_model.", "_orig_mod.model.", "module._orig_mod.model."],
    ...["base_model.model.model.", "base_model.model.", "module.base_model.model.model.", "model._orig_mod."],
  ],
  gemma3: ["model.language_model.", "module.model.language_model."],
  "neox-parallel": ["", "base_model.model.gpt_neox."],
};
for (const [name, own] of Object.entries(prefixes)) {
  for (const prefix of own) {
    Deno.test(`${name}: a checkpoint with the prefix "${prefix}" is the same model`, () =>
      withCopy(name, prefixed(prefix), expectSame));
  }
}

Deno.test("a checkpoint whose every name has the wrapper's step, the head's too, is the same model", () =>
  withCopy("llama", (tensors) => {
    for (const [key, tensor] of [...tensors]) {
      tensors.delete(key);
      tensors.set(`base_model.model.${key.replace(/(layers\.\d+)/, "$1._orig_mod")}`, tensor);
    }
  }, async (copy, model, blocks) => {
    await expectSame(copy, model, blocks);
    const stored = "base_model.model.model.layers.1._orig_mod.mlp.up_proj.weight";
    assert.equal(copy.stored!("mlp.up_proj.weight", 1).name, stored);
    assert.deepEqual(await copy.weights.outer("head.weight"), await model.weights.outer("head.weight"));
  }));

for (
  const name of ["model.fp16", "model-00001-of-00001", "consolidated"].map((own) => `${own}.safetensors`)
) {
  Deno.test(`a folder whose only weights are ${name} is the same model`, () =>
    withCopy("llama", () => {}, async (copy, model) => {
      const [lease, expected] = [await copy.weights.layer(0), await model.weights.layer(0)];
      assert.deepEqual(lease.tensors, expected.tensors);
      lease.release();
      expected.release();
    }, (folder) => Deno.rename(`${folder}/model.safetensors`, `${folder}/${name}`)));
}

Deno.test("a checkpoint in float64 is the same model, and says what it is", () =>
  withCopy("llama", (tensors) => {
    for (const [key, tensor] of tensors) {
      tensors.set(key, { ...tensor, dtype: "f64", data: Float64Array.from(toFloat32(tensor)) });
    }
  }, async (copy, model, blocks) => {
    assert.equal(copy.weights.format, "safetensors F64 read as F32");
    await expectSame(copy, model, blocks);
  }));

const lacking = {
  "a module's tensor": "model.layers.1.mlp.up_proj.weight",
  "the final norm": "model.norm.weight",
  "its head": "lm_head.weight",
  "its embedding": "model.embed_tokens.weight",
};
/** Changes fields of one tensor. */
const set = (name: string, fields: (tensor: Tensor) => Partial<Tensor>): Change => (tensors) =>
  tensors.set(name, { ...tensors.get(name)!, ...fields(tensors.get(name)!) } as Tensor);
const refused: [what: string, change: Change, message: RegExp][] = [
  ...Object.entries(lacking).map(([what, name]): [string, Change, RegExp] => [
    `lacks ${what}`,
    (tensors) => tensors.delete(name),
    new RegExp(`tensor ${RegExp.escape(name)} is missing`),
  ]),
  [
    "has a transposed tensor",
    set("model.layers.2.mlp.down_proj.weight", ({ shape }) => ({ shape: shape.toReversed() })),
    /tensor model\.layers\.2\.mlp\.down_proj\.weight has shape \[40,32\], expected \[32,40\]/,
  ],
  [
    "has a norm of another rank",
    set("model.layers.0.input_layernorm.weight", () => ({ shape: [1, 32] })),
    /tensor model\.layers\.0\.input_layernorm\.weight has shape \[1,32\], expected \[32\]/,
  ],
  [
    "has a weight in integers",
    set(
      "model.layers.1.mlp.up_proj.weight",
      ({ data }) => ({ dtype: "i8", data: new Int8Array(data.length) }),
    ),
    /tensor model\.layers\.1\.mlp\.up_proj\.weight is I8, expected F64, F32, F16 or BF16/,
  ],
  [
    "has a tensor under two prefixes",
    (tensors) => tensors.set("module.model.norm.weight", tensors.get("model.norm.weight")!),
    /tensor model\.norm\.weight occurs 2 times \(model\.norm\.weight, module\.model\.norm\.weight\), expected once/,
  ],
  [
    "has an adapter beside its weights",
    (tensors) =>
      tensors.set("model.layers.0.mlp.up_proj.lora_A.default.weight", tensors.get("model.norm.weight")!),
    /tensor model\.layers\.0\.mlp\.up_proj\.lora_A\.default\.weight belongs to an adapter that is not merged, expected/,
  ],
];

for (const [what, change, message] of refused) {
  Deno.test(`a checkpoint that ${what} is refused before anything runs`, () =>
    withFolder(async (folder) => {
      await rewrite("llama", folder, change);
      await assert.rejects(() => openFolder(folder), { name: "TypeError", message });
    }));
}

/** Changes the type of one tensor in a file's header. */
async function relabel(path: string, tensor: string, type: string) {
  const bytes = await Deno.readFile(path);
  const end = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, end)));
  header[tensor].dtype = type;
  await Deno.writeFile(path, join(safetensors(header, 0), bytes.subarray(end)));
}

Deno.test("a weight of a type that cannot be read is refused by name, one that is not needed is let be", () =>
  withFolder(async (folder) => {
    const extra = "mtp.layers.0.mlp.up_proj.weight";
    await rewrite("llama", folder, (tensors) => tensors.set(extra, tensors.get("model.norm.weight")!));
    const path = `${folder}/model.safetensors`;
    await relabel(path, extra, "F8_E4M3");
    (await openFolder(folder)).close();
    await relabel(path, "model.layers.0.mlp.up_proj.weight", "F8_E4M3");
    await assert.rejects(() => openFolder(folder), {
      name: "TypeError",
      message: /tensor model\.layers\.0\.mlp\.up_proj\.weight is F8_E4M3, expected F64, F32, F16 or BF16/,
    });
  }));

Deno.test("a tensor that the index places in a missing shard is refused with the shard's name", () =>
  withFolder(async (folder) => {
    await rewrite("llama", folder, (tensors) => tensors.delete("model.norm.weight"));
    await Deno.rename(`${folder}/model.safetensors`, `${folder}/model-00001-of-00002.safetensors`);
    const map = { "model.norm.weight": 2, "model.embed_tokens.weight": 1, "model.never.weight": 1 };
    const index = Object.entries(map).map(([key, i]) => [key, `model-0000${i}-of-00002.safetensors`]);
    const text = JSON.stringify({ weight_map: Object.fromEntries(index) });
    await Deno.writeTextFile(`${folder}/model.safetensors.index.json`, text);
    await assert.rejects(() => openFolder(folder), {
      name: "TypeError",
      message: /tensor model\.norm\.weight is missing: shard "model-00002-of-00002\.safetensors" is missing/,
    });
  }));

Deno.test("a fused matrix of the wrong height is refused when its layer is read", () =>
  withFolder(async (folder) => {
    const name = "gpt_neox.layers.0.attention.query_key_value.weight";
    const higher = set(name, ({ shape: [rows, width] }) => (
      { shape: [2 * rows, width], data: new Float32Array(2 * rows * width), dtype: "f32" }
    ));
    await rewrite("neox-parallel", folder, higher);
    using model = await openFolder(folder);
    const message = RegExp(
      `tensor ${RegExp.escape(name)} of shape \\[.+\\] gives \\[.+\\], expected \\[.+\\]`,
    );
    await assert.rejects(() => model.weights.layer(0), { name: "TypeError", message });
  }));

Deno.test("a layer that the lists drop needs no tensors", () =>
  withFolder(async (folder) => {
    await rewrite("llama", folder, (tensors) => {
      for (const key of tensors.keys()) if (/layers\.1\.self_attn/.test(key)) tensors.delete(key);
    });
    await assert.rejects(() => openFolder(folder), /layers\.1\.self_attn\.q_proj\.weight is missing/);
    using thinner = await openFolder(folder, "config.json", (config) => config.drop_attn_list = [1]);
    assert.equal(thinner.spec.layers[1].attention, null);
  }));

Deno.test("a folder without weights is refused by name", async () => {
  const { folder } = await fixture("llama");
  const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
  const empty = {
    name: "empty",
    list: () => ["config.json"],
    open: (file: string) => Promise.resolve(bufferSource(file, new Uint8Array())),
  };
  await assert.rejects(() => loadFolder(empty, config), /empty/);
});
