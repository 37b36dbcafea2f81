/** The stored weights of a model whose smaller form is to be written. */
import type { ModelFiles } from "../hub/mod.ts";
import { oneTable, packingOf } from "../models/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import { commonType, openGguf, openSafetensors, withPacked } from "../weights/mod.ts";
import { overlaid, sourceIn } from "./changes/source.ts";
import type { Stored } from "./job.ts";

/** The stored weights, opened a second time: what runs a model hides how they are stored. */
export async function openStored({ name, files, config }: StudyModel): Promise<Stored> {
  if (!files) {
    throw new TypeError(`Cannot export ${name}: it has no files, expected a model opened from files`);
  }
  if (files.kind === "folder") return await openFolder(files, config);
  return { kind: "gguf", file: await openGguf(await files.open(files.list()[0])) };
}

/** A folder whose packed matrices are float32, as which every format can write and change them. */
async function openFolder(files: ModelFiles, config: StudyModel["config"]): Promise<Stored> {
  const stored = await openSafetensors(files);
  try {
    const packing = packingOf(config, `${files.name}: config.json`);
    if (packing === null) return { kind: "folder", file: stored };
    const file = await withPacked(stored, packing, files.name);
    const packed = [...file.tensors].filter(([tensor, info]) => stored.tensors.get(tensor) !== info);
    const wide = new Map(packed.map(([tensor]) => [tensor, sourceIn(file, tensor)]));
    return { kind: "folder", file: overlaid(file, wide), packed: commonType(packed.map(([, info]) => info)) };
  } catch (error) {
    stored.close();
    throw error;
  }
}

/** The table of words that may serve as both, where a GGUF file has two roundings of one; else null. */
export async function oneTableIn({ spec, stored }: StudyModel, { kind, file }: Stored) {
  if (kind !== "gguf" || spec.head.tied) return null;
  const [embedding, head] = ["embedding.weight", "head.weight"].map((name) => stored!(name).name);
  return await oneTable(file, { embedding, head });
}
