/** Series of checkpoints for tests: a tiny model whose weights move from step to step. */
import { tinyTokenizer } from "../../core/study/tiny.ts";
import { fixture } from "../../fixtures/read.ts";

/** The files of one checkpoint, by name. */
type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
export const tokenizerFile = encode(tinyTokenizer);

/** A checkpoint of the tiny Llama after so many steps: each weight is its own, scaled by its own wave. */
export async function checkpointFiles(step: number): Promise<Files> {
  const { folder } = await fixture("llama");
  const weights = await Deno.readFile(`${folder}/model.safetensors`);
  const start = 8 + Number(new DataView(weights.buffer).getBigUint64(0, true));
  const values = new Float32Array(weights.buffer.slice(start));
  const moved = values.map((value, i) => value * (1 + 0.5 * Math.sin(step / 7 + i)));
  weights.set(new Uint8Array(moved.buffer), start);
  return new Map([["config.json", await Deno.readFile(`${folder}/config.json`)], [
    "model.safetensors",
    weights,
  ]]);
}

/** Writes the checkpoints after these steps as folders, `step8` and so on, with one tokenizer beside them. */
export async function writeSeries(folder: string, steps: readonly number[], prefix = "step"): Promise<void> {
  for (const step of steps) {
    await Deno.mkdir(`${folder}/${prefix}${step}`, { recursive: true });
    for (const [file, bytes] of await checkpointFiles(step)) {
      await Deno.writeFile(`${folder}/${prefix}${step}/${file}`, bytes);
    }
  }
  await Deno.writeFile(`${folder}/tokenizer.json`, tokenizerFile);
}
