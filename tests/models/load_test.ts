/** Checkpoints whose tensors have other prefixes are found; those that lack a tensor, or have a wrong one, are refused. */
import assert from "node:assert/strict";
import { bufferSource, openModel } from "../../src/hub/mod.ts";
import { loadFolder } from "../../src/models/mod.ts";
import { noDrop } from "../../src/run/mod.ts";
import type { Tensor } from "../../src/tensor/mod.ts";
import { openSafetensors, writeSafetensors } from "../../src/weights/mod.ts";
import { finalStreams } from "../run/states.ts";
import { fixture } from "../fixtures/read.ts";
import { blocksOf, openFolder, withFixture, withFolder } from "../support.ts";

/** Writes a fixture's tensors, changed, into a folder. */
async function rewrite(name: string, folder: string, change: (tensors: Map<string, Tensor>) => void) {
  const { folder: from } = await fixture(name);
  const files = await openModel(from);
  const file = await openSafetensors(files);
  const tensors = new Map<string, Tensor>();
  for (const key of file.tensors.keys()) tensors.set(key, await file.read(key));
  change(tensors);
  await writeSafetensors(`${folder}/model.safetensors`, tensors);
  await Deno.copyFile(`${from}/config.json`, `${folder}/config.json`);
  file.close();
  files.close();
}

/** Puts another prefix in place of the root's ("model." or "gpt_neox."); the head has none. */
function prefixed(prefix: string) {
  return (tensors: Map<string, Tensor>) => {
    for (const [key, tensor] of [...tensors]) {
      const renamed = key.replace(/^(model|gpt_neox)\./, prefix);
      tensors.delete(key);
      tensors.set(renamed, tensor);
    }
  };
}

for (
  const [name, prefix] of [
    ["llama", ""],
    ["llama", "language_model.model."],
    ["gemma3", "model.language_model."],
    ["neox-parallel", ""],
  ]
) {
  Deno.test(`${name}: a checkpoint with the prefix "${prefix}" is the same model`, () =>
    withFolder((folder) =>
      withFixture(name, async ({ model, expected }) => {
        await rewrite(name, folder, prefixed(prefix));
        const other = await openFolder(folder);
        const blocks = blocksOf(expected);
        assert.deepEqual(
          await finalStreams(other, blocks, [noDrop]),
          await finalStreams(model, blocks, [noDrop]),
        );
        other.close();
      })
    ));
}

const refused: [what: string, change: (tensors: Map<string, Tensor>) => void, message: RegExp][] = [
  [
    "lacks a module's tensor",
    (tensors) => tensors.delete("model.layers.1.mlp.up_proj.weight"),
    /tensor model\.layers\.1\.mlp\.up_proj\.weight is missing/,
  ],
  [
    "lacks the final norm",
    (tensors) => tensors.delete("model.norm.weight"),
    /tensor model\.norm\.weight is missing/,
  ],
  ["lacks its head", (tensors) => tensors.delete("lm_head.weight"), /tensor lm_head\.weight is missing/],
  [
    "lacks its embedding",
    (tensors) => tensors.delete("model.embed_tokens.weight"),
    /tensor model\.embed_tokens\.weight is missing/,
  ],
  [
    "has a transposed tensor",
    (tensors) => {
      const down = tensors.get("model.layers.2.mlp.down_proj.weight")!;
      tensors.set("model.layers.2.mlp.down_proj.weight", { ...down, shape: down.shape.toReversed() });
    },
    /tensor model\.layers\.2\.mlp\.down_proj\.weight has shape \[40,32\], expected \[32,40\]/,
  ],
  [
    "has a norm of another rank",
    (tensors) => {
      const norm = tensors.get("model.layers.0.input_layernorm.weight")!;
      tensors.set("model.layers.0.input_layernorm.weight", { ...norm, shape: [1, 32] });
    },
    /tensor model\.layers\.0\.input_layernorm\.weight has shape \[1,32\], expected \[32\]/,
  ],
];

for (const [what, change, message] of refused) {
  Deno.test(`a checkpoint that ${what} is refused before anything runs`, () =>
    withFolder(async (folder) => {
      await rewrite("llama", folder, change);
      await assert.rejects(() => openFolder(folder), { name: "TypeError", message });
    }));
}

Deno.test("a layer that the lists drop needs no tensors", () =>
  withFolder(async (folder) => {
    await rewrite("llama", folder, (tensors) => {
      for (const key of tensors.keys()) if (/layers\.1\.self_attn/.test(key)) tensors.delete(key);
    });
    await assert.rejects(() => openFolder(folder), /layers\.1\.self_attn\.q_proj\.weight is missing/);
    const thinner = await openFolder(folder, "config.json", (config) => config.drop_attn_list = [1]);
    assert.equal(thinner.spec.layers[1].attention, null);
    thinner.close();
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
