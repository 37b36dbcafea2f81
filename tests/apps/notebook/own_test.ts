/**
 * Every notebook, as one script without a kernel, on the models and the series that `LAMINA_MODEL`, `LAMINA_OTHER` and `LAMINA_SERIES` name: a
 * trained Llama and a tiny Qwen2.
 */
import assert from "node:assert/strict";
import { writeSafetensors } from "../../buffer.ts";
import { withTiny } from "../../core/study/tiny.ts";
import { changeConfig, thorough, withFolder } from "../../support.ts";
import { committed, nameOf, notebooks, QUICK, root, writeScript } from "./notebook.ts";
import { printed, words } from "../../tools.ts";
import { stretched } from "../../small.ts";

const SERIES = `${root}data/series/pre-ln`;
const sizes = { LAMINA_SAMPLES: "2", LAMINA_LENGTH: "32", LAMINA_CONTEXTS: "16", LAMINA_ROUNDS: "1" };

for (const path of committed) {
  const name = nameOf(path);
  const models = { "the trained Llama": withSeries, "a tiny Qwen2": withQwen };
  for (const [model, withOwn] of Object.entries(models)) {
    if (name === "11_bits" && model === "a tiny Qwen2") continue; // its tokenizer has no name in GGUF files
    const test = name === QUICK && model === "a tiny Qwen2" ? Deno.test : thorough;
    test(`${name}: it runs on a model of one's own, ${model}`, () => withOwn((own) => check(path, own)));
  }
}

function withSeries(use: (own: string) => Promise<void>): Promise<void> {
  return use(`${SERIES}/step04096`);
}

/** The fixture of three layers, each there three times, and of a longer context: the notebooks drop more, and each letter is a token. */
function withQwen(use: (own: string) => Promise<void>): Promise<void> {
  return withTiny(async ({ folder }) => {
    const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    const [layers, count] = [config.num_hidden_layers, 3 * config.num_hidden_layers];
    const layer_types = Array(count).fill("full_attention");
    await writeSafetensors(`${folder}/model.safetensors`, await stretched(folder, layers, count));
    await changeConfig(folder, { num_hidden_layers: count, layer_types, max_position_embeddings: 2048 });
    await use(folder);
  }, "qwen2");
}

function check(path: string, own: string): Promise<void> {
  return withFolder(async (folder) => {
    await writeScript(`${folder}/own.ts`, path);
    const models = { LAMINA_MODEL: own, LAMINA_OTHER: own, LAMINA_SERIES: SERIES };
    const env = { ...sizes, ...models, LAMINA_RESULTS: `${folder}/results` };
    const args = words`run -A --quiet --no-check --config ${root}deno.json ${folder}/own.ts`;
    assert.match(
      await printed(Deno.execPath(), args, { cwd: notebooks, env }),
      /^text: \*\*In this run:\*\* /m,
    );
  });
}
