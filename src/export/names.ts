/** Names of tensors in a folder in Hugging Face layout: whose they are, and under which name the smaller model has them. */
import { layerTensors, type ModelSpec, plainName } from "../models/mod.ts";
import type { Job, Module } from "./job.ts";

/** The projection through which a module writes to the stream: zeroed, the module adds nothing. Every expert of a mixture has its own. */
const OUTPUT = /\b(o_proj|out_proj|down_proj)\.(weight|bias)$/;

/** The name where layers that are gone are not counted; null for a tensor of such a layer. Other tensors keep theirs. */
export function renumbered({ kept }: Job, stored: string): string | null {
  const layer = /^(?:layers|h)\.(\d+)\./.exec(plainName(stored))?.[1];
  if (layer === undefined) return stored;
  const index = kept.indexOf(Number(layer));
  return index < 0 ? null : stored.replace(/(^|\.)(layers|h)\.\d+\./, `$1$2.${index}.`);
}

/** The canonical names of the output projections of a module, weights and biases. */
export function outputNames({ layers, hidden }: ModelSpec, { module, layer }: Module): string[] {
  const alone = { [module]: layers[layer][module] };
  return layerTensors(alone, hidden).map(([name]) => name).filter((name) => OUTPUT.test(name));
}

/** Whether a module's own bias holds the mean of its update. */
export function holdsMean({ ownMeans }: Job, { module, layer }: Module): boolean {
  return ownMeans.some((one) => one.module === module && one.layer === layer);
}

/** The stored names of what is zero of modules that are dropped alone: output projections, and biases but for those with a mean. */
export function silenced(job: Job): Set<string> {
  return new Set(job.lone.flatMap((one) => {
    const names = outputNames(job.full, one).filter((name) =>
      !(name.endsWith(".bias") && holdsMean(job, one))
    );
    return names.map((name) => job.model.stored!(name, one.layer).name);
  }));
}
