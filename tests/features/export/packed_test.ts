/** Exports of quantised folders: float32 matrices, with the numbers of the packed ones, and no word of quantisation. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exportModel } from "features/export/mod.ts";
import { FORMATS } from "core/formats/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { noDrop } from "core/run/mod.ts";
import { finalStreams } from "../../core/run/states.ts";
import { refitted } from "./changed.ts";
import { distance, largest, stateTolerance } from "../../model.ts";
import { randomBlocks, withFolder } from "../../support.ts";
import { withSmaller } from "./smaller.ts";

const FOLDER = new URL("../../fixtures/quantised/", import.meta.url);
const folderOf = (name: string) => fileURLToPath(new URL(name, FOLDER));
const blocks = randomBlocks(2, 16, 128);
const drop = { attention: [0], mlp: [] };

/** Written formats of models, and what a reader finds in them. */
const written = [
  ["gptq-4", "hf", "safetensors F32"],
  ["awq-64", "gguf-deci", "GGUF F32"],
  ["gptq-order", "hf", "safetensors F32"],
  ["nf4", "hf", "safetensors F32"],
  ["int8", "hf", "safetensors F32"],
  ["fp8", "hf", "safetensors F32"],
  ["gptq-8", "llm-drop", "safetensors GPTQ 8 bit"],
] as const;

for (const [name, format, stored] of written) {
  Deno.test(`${name} as ${format}: the smaller model is the plan on the original`, () =>
    withSmaller(folderOf(name), drop, format, async ({ original, smaller, exported }) => {
      assert.equal(smaller.identity.format, stored);
      const [planned] = await finalStreams(original, blocks, [drop]);
      const [found] = await finalStreams(smaller, blocks, [noDrop]);
      assert.ok(planned.every(Number.isFinite));
      // Products with blocks may add up in another order than those with the numbers that they hold.
      assert.ok(distance(found, planned) <= stateTolerance(original.spec) * largest(planned));
      if (format === "gguf-deci") return;
      const config = JSON.parse(await Deno.readTextFile(`${exported.folder}/config.json`));
      assert.equal("quantization_config" in config, format === "llm-drop");
      const note = `${
        original.identity.format!.replace("safetensors ", "")
      }: dequantised to F32, with the same values`;
      assert.equal(exported.notes.includes(note), format === "hf");
      if (format === "hf") assert.equal(config.dtype, "float32");
    }));
}

Deno.test("changed weights of a quantised folder are written as float32, in LLM-Drop's form too", async () => {
  using full = await openModel(folderOf("gptq-4"));
  const changes = [refitted(full.spec, 0, "attention")];
  await withFolder(async (out) => {
    for (const format of ["hf", "llm-drop"] as const) {
      const { folder } = await exportModel(folderOf("gptq-4"), { changes, attention: [1] }, {
        format,
        out: `${out}/${format}`,
      });
      using smaller = await openModel(folder);
      assert.equal(smaller.identity.format, "safetensors F32");
      assert.equal("quantization_config" in smaller.config, false);
    }
  });
});

Deno.test("every format that writes a quantised folder writes it whole", async () => {
  for (const format of FORMATS) {
    await withFolder(async (out) => {
      const block = { attention: [1], mlp: [1] };
      const done = exportModel(folderOf("gptq-4"), block, { format, out: `${out}/smaller` });
      if (format === "hf-nas") return await assert.rejects(done, /MLP 0 has 96 units/);
      assert.ok((await done).files.length >= 2);
    });
  }
});
