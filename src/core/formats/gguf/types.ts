/**
 * Types of blocks in a GGUF file, which has one for each tensor: matrices that a plan rounds, and the tables of words. Rows are encoded
 * as they are written, from what the file has, so that memory is that of some rows.
 */
import { ggufNames, storedTensor } from "../../models/mod.ts";
import { GROUPS, importanceName, isOneTable, isWeighed, matricesIn, tensorsOf } from "../../run/mod.ts";
import { type Tensor, toFloat32 } from "../../tensor/mod.ts";
import {
  encodedBytes,
  encodeInThreads,
  isAsCoarse,
  type OutTensor,
  PART_BYTES,
  readTensor,
  rowBytes,
  type RowRounding,
} from "../../weights/mod.ts";
import { Inexpressible, type Job } from "../job.ts";

/** The tensors of a file with every layer, in the types of the job's plan; one table of words where it says so. */
export function retypedTensors(job: Job, architecture: string, tensors: readonly OutTensor[]): OutTensor[] {
  const { drop: { changes = [], tables }, full, model } = job;
  const names = ggufNames(architecture, full);
  const types = new Map<string, Required<Pick<RowRounding, "importance">> & { readonly type: string }>();
  const put = (canonical: string, layer: number | undefined, type: string, importance?: Tensor) => {
    const ref = model.stored!(canonical, layer);
    const stored = job.stored.file.tensors.get(ref.name);
    // A matrix that no tensor of the file is, and one that has no more bits, keep their types.
    if (layer !== undefined && (!stored || isAsCoarse(stored.type, type))) return;
    const { name } = storedTensor(names, canonical, layer);
    if (ref.transform || ref.at !== undefined) {
      throw new Inexpressible(name, "is stored in parts or turned, and cannot be rounded");
    }
    types.set(name, { type, importance: importance?.data as Float32Array<ArrayBuffer> ?? null });
  };
  for (const change of changes) {
    if (change.to !== "types") continue;
    const { layer, module } = change;
    const brought = tensorsOf(change);
    for (const group of GROUPS) {
      const type = change[group];
      if (!type) continue;
      for (const [canonical] of matricesIn(full.layers[layer], full.hidden, module, group)) {
        put(canonical, layer, type, isWeighed(canonical) ? brought.get(importanceName(group)) : undefined);
      }
    }
  }
  const table = (of: string) =>
    storedTensor(names, of === "head" && full.head.tied ? "embedding.weight" : `${of}.weight`).name;
  if (tables) {
    const importance = tensorsOf(tables).get("importance");
    const { embedding, head, both } = tables;
    const isOne = isOneTable(full, tables);
    if (embedding) {
      put(`${both ?? "embedding"}.weight`, undefined, embedding, isOne ? importance : undefined);
      types.set(table("embedding"), types.get(table(both ?? "embedding"))!);
    }
    if (head) put("head.weight", undefined, head, importance);
  }
  const [first, second] = [table("embedding"), table("head")];
  return tensors.flatMap((tensor) => {
    const isTable = tensor.name === first || tensor.name === second;
    if (tables?.both && isTable && tensor.name !== table(tables.both)) return [];
    const own = tables?.both && isTable ? { ...tensor, name: first } : tensor;
    const wanted = types.get(own.name);
    return [wanted ? retyped(own, wanted.type, wanted.importance) : own];
  });
}

/** A tensor in a type of blocks. */
function retyped(tensor: OutTensor, type: string, importance: RowRounding["importance"]): OutTensor {
  const { name, shape } = tensor;
  const [rows, columns] = shape;
  const own = rowBytes(type, columns, { importance, name });
  const stored = encodedBytes(tensor.type, [columns]);
  return {
    ...tensor,
    type,
    bytes: rows * own,
    async *parts() {
      let left = new Uint8Array(0);
      for await (const part of tensor.parts()) {
        const all = new Uint8Array(left.length + part.length);
        all.set(left);
        all.set(part, left.length);
        const whole = Math.floor(all.length / stored);
        left = all.slice(whole * stored);
        const step = Math.max(1, Math.floor(PART_BYTES / (4 * columns)));
        for (let at = 0; at < whole; at += step) {
          const end = Math.min(whole, at + step);
          const own = readTensor(tensor.type, [end - at, columns], all.slice(at * stored, end * stored));
          const numbers = toFloat32(own) as Float32Array<ArrayBuffer>;
          yield await encodeInThreads(type, numbers, columns, { importance, name });
        }
      }
    },
  };
}
