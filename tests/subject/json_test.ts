/** JSON files that begin with a byte order mark, as some editors write them, are read. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { openConfig, openModel } from "../../src/subject/mod.ts";
import { withTiny } from "../study/tiny.ts";

Deno.test("a model whose JSON files begin with a byte order mark opens", async () => {
  await withTiny(async ({ model, folder }) => {
    const mark = async (name: string, text?: string) => {
      const path = join(folder, name);
      await Deno.writeTextFile(path, `\ufeff${text ?? await Deno.readTextFile(path)}`);
    };
    const shard = "model-00001-of-00001.safetensors";
    const header = await Deno.readFile(join(folder, "model.safetensors"));
    const length = Number(new DataView(header.buffer).getBigUint64(0, true));
    const tensors = JSON.parse(new TextDecoder().decode(header.subarray(8, 8 + length)));
    const weight_map = Object.fromEntries(
      Object.keys(tensors).filter((name) => name !== "__metadata__").map((name) => [name, shard]),
    );
    await Deno.rename(join(folder, "model.safetensors"), join(folder, shard));
    await mark("model.safetensors.index.json", JSON.stringify({ weight_map }));
    await mark("config.json");
    await mark("tokenizer.json");
    await mark("tokenizer_config.json", JSON.stringify({ eos_token: "</s>" }));

    const opened = await openModel(folder);
    try {
      assert.deepEqual(opened.spec, model.spec);
      const { fingerprint, eos } = await opened.tokenizer();
      assert.deepEqual([fingerprint.length, eos], [64, 2]);
    } finally {
      opened.close();
    }
    assert.deepEqual((await openConfig(join(folder, "config.json"))).config, model.config);
  });
});
