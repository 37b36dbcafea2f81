/**
 * A path as an ordinary deeper checkpoint: each visit of a layer has the tensors of that layer, under a number of its own. Formats see
 * nothing else of paths but in lists of one entry a layer, which they index by `Job.visits`.
 */
import type { StudyModel } from "../subject/mod.ts";
import type { PagedFile } from "../weights/mod.ts";
import { plainName } from "../models/mod.ts";
import type { Stored } from "./job.ts";

/** The model whose layers are these of the original. */
export function visitedModel(model: StudyModel, layers: readonly number[]): StudyModel {
  return {
    ...model,
    stored(canonical, l) {
      if (l === undefined) return model.stored!(canonical);
      const ref = model.stored!(canonical, layers[l]);
      return { ...ref, name: numbered(ref.name, l) };
    },
  };
}

/** Its stored weights. */
export function visitedStored(stored: Stored, layers: readonly number[]): Stored {
  return { ...stored, file: visitedFile(stored.file, layers) } as Stored;
}

function visitedFile(file: PagedFile, layers: readonly number[]): PagedFile {
  const visits = Map.groupBy(layers.keys(), (l) => layers[l]);
  const originals = new Map([...file.tensors.keys()].flatMap((name) => {
    const layer = layerOf(name);
    return layer === null ? [[name, name]] : (visits.get(layer) ?? []).map((l) => [numbered(name, l), name]);
  }) as [string, string][]);
  const original = (name: string) => originals.get(name)!;
  return {
    ...file,
    tensors: new Map([...originals].map(([name, of]) => [name, file.tensors.get(of)!])),
    read: (name, ...rest) => file.read(original(name), ...rest),
    blocks: (name, ...rest) => file.blocks(original(name), ...rest),
    stored: (name, range) => file.stored(original(name), range),
    forget: (names, rows) => file.forget([...names].map(original), rows),
  };
}

/** The layer of a stored tensor, in Hugging Face's names or llama.cpp's; null for one outside the layers. */
export function layerOf(stored: string): number | null {
  const layer = /^(?:layers|h|blk)\.(\d+)\./.exec(plainName(stored))?.[1];
  return layer === undefined ? null : Number(layer);
}

/** The name of the same tensor of another layer. */
export function numbered(stored: string, layer: number): string {
  return stored.replace(/(^|\.)(layers|h|blk)\.\d+\./, `$1$2.${layer}.`);
}
