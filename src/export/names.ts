/** Names of tensors in a folder in Hugging Face layout: whose they are, and under which name the smaller model has them. */
import { layerTensors, plainName } from "../models/mod.ts";
import type { Job } from "./job.ts";

/** The projection through which a module writes to the stream: zeroed, the module adds nothing. Every expert of a mixture has its own. */
const OUTPUT = /\b(o_proj|out_proj|down_proj)\.(weight|bias)$/;

/** The name where layers that are gone are not counted; null for a tensor of such a layer. Other tensors keep theirs. */
export function renumbered({ kept }: Job, stored: string): string | null {
  const layer = /^(?:layers|h)\.(\d+)\./.exec(plainName(stored))?.[1];
  if (layer === undefined) return stored;
  const index = kept.indexOf(Number(layer));
  return index < 0 ? null : stored.replace(/(^|\.)(layers|h)\.\d+\./, `$1$2.${index}.`);
}

/** The stored names of the output projections, weights and biases, of modules that are dropped alone. */
export function silenced({ model, full: { layers, hidden }, lone }: Job): Set<string> {
  return new Set(lone.flatMap(({ module, layer }) => {
    const alone = { ...layers[layer], attention: null, mlp: null, [module]: layers[layer][module] };
    const names = layerTensors(alone, hidden).map(([name]) => name).filter((name) => OUTPUT.test(name));
    return names.map((name) => model.stored!(name, layer).name);
  }));
}
