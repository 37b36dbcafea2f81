/**
 * Every notebook, as one script without a kernel, on the models and the series that `LAMINA_MODEL`, `LAMINA_OTHER` and `LAMINA_SERIES` name: a
 * trained Llama and a tiny Qwen2.
 */
import assert from "node:assert/strict";
import { writeSafetensors } from "../../buffer.ts";
import { withTiny } from "../../core/study/tiny.ts";
import { toFloat32 } from "core/tensor/mod.ts";
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
    test(`${name}: it runs on a model of one's own, ${model}`, () =>
      withOwn(async (own) => void await check(path, own)));
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

/** A random Llama of six layers. The attention of the last two hardly adds anything, so that the deepest is the least important. */
function withSix(use: (own: string) => Promise<void>): Promise<void> {
  return withTiny(async ({ folder }) => {
    const tensors = await stretched(folder, 3, 6);
    for (const layer of [4, 5]) {
      const name = `model.layers.${layer}.self_attn.o_proj.weight`;
      const whole = tensors.get(name)!;
      tensors.set(name, { ...whole, data: toFloat32(whole).map((value) => value / 1000) });
    }
    await writeSafetensors(`${folder}/model.safetensors`, tensors);
    await changeConfig(folder, { num_hidden_layers: 6, max_position_embeddings: 2048 });
    await use(folder);
  });
}

Deno.test("01_importance: on a random Llama of six layers, choices of the same modules are said to be the same", () =>
  withSix(async (own) => {
    const told = await check(
      `${notebooks}01_importance.ipynb`,
      own,
      "console.log(`deepest: ${compared(deepest)}\\nMLPs: ${compared(cutMlp)}`);", // a script shows first lines alone
    );
    assert.match(told, /^deepest: 0 nats: the same modules$/m);
    assert.match(told, /^MLPs: \S+ \(\S+ to \S+\) nats: (?:cheaper|dearer|cannot tell)$/m);
    assert.match(told, /^figure quality: .* for the deepest attention \(the same modules\)/m);
  }));

/** What a notebook prints for a model, and more code after its own; it ends in an answer. */
async function check(path: string, own: string, more = ""): Promise<string> {
  let told = "";
  await withFolder(async (folder) => {
    await writeScript(`${folder}/own.ts`, path);
    await Deno.writeTextFile(`${folder}/own.ts`, `\n${more}`, { append: true });
    const models = { LAMINA_MODEL: own, LAMINA_OTHER: own, LAMINA_SERIES: SERIES };
    const env = { ...sizes, ...models, LAMINA_RESULTS: `${folder}/results` };
    const args = words`run -A --quiet --no-check --config ${root}deno.json ${folder}/own.ts`;
    told = await printed(Deno.execPath(), args, { cwd: notebooks, env });
    assert.match(told, /^text: \*\*In this run:\*\* /m);
  });
  return told;
}
