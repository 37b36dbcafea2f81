/** Names of tensors in a folder in Hugging Face layout: whose they are, and under which name the smaller model has them. */
import { families, layerTensors, type ModelSpec, plainName, storedTensor } from "../models/mod.ts";
import { elements } from "../tensor/mod.ts";
import { commonType, type OutTensor, zeros } from "../weights/mod.ts";
import type { LayerModule } from "../measure/mod.ts";
import type { Job, Module } from "./job.ts";

/** The projection through which a module writes to the stream: zeroed, the module adds nothing. Every expert of a mixture has its own. */
const OUTPUT = /\b(o_proj|out_proj|down_proj)\.(weight|bias)$/;

/**
 * Gives a stored name where layers that are gone are not counted, and null for a tensor of a module that is in no row. Tensors outside
 * the layers keep theirs. A tensor that is not the model's belongs to the MLP if it lies beside one of the MLP's (the scales of packed
 * experts), else to attention (a stored mask).
 */
export function renumbering(job: Job): (stored: string) => string | null {
  const isThere = presence(job);
  const ofMlp = new Set(
    job.full.layers.flatMap(({ mlp }, layer) =>
      layerTensors({ mlp }, job.full.hidden).filter(([name]) => isThere(name, layer))
        .map(([name]) => job.model.stored!(name, layer).name)
        .flatMap((name) => [name, parentOf(name)])
    ),
  );
  return (stored) => {
    const layer = /^(?:layers|h)\.(\d+)\./.exec(plainName(stored))?.[1];
    if (layer === undefined) return stored;
    const index = rowOf(
      job,
      ofMlp.has(stored) || ofMlp.has(parentOf(stored)) ? "mlp" : "attention",
      Number(layer),
    );
    return index === null ? null : stored.replace(/(^|\.)(layers|h)\.\d+\./, `$1$2.${index}.`);
  };
}

const parentOf = (name: string) => name.slice(0, Math.max(0, name.lastIndexOf(".")));

/** The smaller model's layer that has this module; null where none has. */
export function rowOf({ rows }: Job, module: LayerModule, layer: number): number | null {
  const index = rows.findIndex((row) => row[module] === layer);
  return index < 0 ? null : index;
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

/**
 * Whether the files hold a tensor of a layer. They lack those of a dropped module where a form that leaves it out is exported again; any
 * other tensor is there, or the model would not have been opened.
 */
export function presence({ model, drop }: Job): (canonical: string, layer: number) => boolean {
  return (canonical, layer) => {
    const module = canonical.startsWith("attention.") ? "attention" : "mlp";
    if (!drop[module].includes(layer)) return true;
    try {
      return Boolean(model.stored!(canonical, layer));
    } catch { // which says that it is missing
      return false;
    }
  };
}

/** Zeros as the tensors of modules that are dropped alone, where the files lack them and every module has to be there. */
export function standIns(job: Job): OutTensor[] {
  const { full, stored } = job;
  const isThere = presence(job);
  const names = families[full.family].names(full);
  const isWide = !["F16", "BF16"].includes(commonType(stored.file.tensors.values()));
  const type = isWide ? "F32" : commonType(stored.file.tensors.values());
  return job.lone.flatMap(({ module, layer }) =>
    layerTensors({ [module]: full.layers[layer][module] }, full.hidden)
      .filter(([canonical]) => !isThere(canonical, layer))
      .map(([canonical, shape]) => {
        const { name } = storedTensor(names, canonical, rowOf(job, module, layer)!);
        return { name, type, shape, ...zeros(elements(shape) * (isWide ? 4 : 2)) };
      })
  );
}

/** The stored names of what is zero of modules that are dropped alone: output projections, and biases but for those with a mean. */
export function silenced(job: Job): Set<string> {
  const isThere = presence(job);
  return new Set(job.lone.flatMap((one) => {
    const names = outputNames(job.full, one).filter((name) =>
      isThere(name, one.layer) && !(name.endsWith(".bias") && holdsMean(job, one))
    );
    return names.map((name) => job.model.stored!(name, one.layer).name);
  }));
}
