/**
 * A small model of the shape that the documentation's commands and the notebooks expect of SmolLM2: 30 layers that have learnt something,
 * and a tokenizer with BOS. It is the trained series' last checkpoint, whose layers are each there several times with as much smaller
 * outputs: shorter steps along the same way.
 */
import { fileURLToPath } from "node:url";
import { type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { writeSafetensors } from "./buffer.ts";
import { tensorsIn } from "./support.ts";

const SERIES = fileURLToPath(new URL("../data/series/pre-ln/", import.meta.url));
const LAYERS = 30;

export async function writeSmall(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const json = async (path: string) => JSON.parse(await Deno.readTextFile(`${SERIES}${path}`));
  const write = (name: string, value: unknown) =>
    Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(value));
  const config = await json("step04096/config.json");
  const { eos_token, ...tokenizer } = await json("tokenizer_config.json");
  await Deno.copyFile(`${SERIES}tokenizer.json`, `${folder}/tokenizer.json`);
  await write("tokenizer_config.json", { ...tokenizer, eos_token, bos_token: eos_token });
  await write("config.json", {
    ...config,
    bos_token_id: config.eos_token_id,
    dtype: "float32",
    max_position_embeddings: 8192,
    num_hidden_layers: LAYERS,
  });
  const tensors = await stretched(`${SERIES}step04096`, config.num_hidden_layers, LAYERS);
  await writeSafetensors(`${folder}/model.safetensors`, tensors);
}

/** The tensors of a model of so many layers, layer `floor(l · layers / count)` as layer `l` of `count`. */
export async function stretched(folder: string, layers: number, count: number): Promise<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of await tensorsIn(folder)) {
    const { shape } = tensor;
    const data = toFloat32(tensor);
    const [, before, layer, after] = /^(.*\.layers\.)(\d+)(\..*)$/.exec(name) ?? [];
    if (layer === undefined) tensors.set(name, { dtype: "f32", shape, data });
    const isOutput = /\.(?:o_proj|down_proj)\./.test(name);
    const shorter = isOutput ? data.map((value) => value * layers / count) : data;
    for (let to = 0; layer !== undefined && to < count; to++) {
      if (Math.floor(to * layers / count) !== Number(layer)) continue;
      tensors.set(`${before}${to}${after}`, { dtype: "f32", shape, data: shorter });
    }
  }
  return tensors;
}
