/**
 * Changes of modules in exported files. Heads that are cut have zeros in the columns of the output projection that read them: every
 * format stores that, and what the heads cost is not saved.
 */
import { scoring } from "../models/mod.ts";
import type { Change } from "../measure/mod.ts";
import { byteSize, bytesOf, elements } from "../tensor/mod.ts";
import { blockCuts, type Cut, type PagedFile, type TensorInfo, withZeros } from "../weights/mod.ts";
import type { Job, Stored } from "./job.ts";

/** A job whose stored weights have zeros for cut heads; quantised projections become F32, which holds the same values. */
export function withoutHeads(job: Job): Job {
  const { model, full, stored, drop: { changes = [] } } = job;
  const zeros = new Map(changes.flatMap((change) => {
    if (!("heads" in change)) return [];
    const { name, transform } = model.stored!("attention.o_proj.weight", change.layer);
    const { heads } = scoring(full.layers[change.layer].attention)!;
    const axis = transform ? 0 : 1; // GPT-2 stores [in, out]
    const { shape } = stored.file.tensors.get(name)!;
    return [[name, blockCuts(shape, axis, heads, change.heads!)] as const];
  }));
  if (zeros.size === 0) return job;
  const file = { ...stored.file, ...overlaid(stored.file, zeros) };
  return { ...job, stored: { ...stored, file } as Stored };
}

function overlaid(
  file: PagedFile,
  zeros: ReadonlyMap<string, readonly Cut[]>,
): Pick<PagedFile, "tensors" | "read" | "stored"> {
  const read: PagedFile["read"] = async (name, rows, allocate) => {
    const tensor = await file.read(name, rows, allocate);
    const [first, end] = rows ?? [0, tensor.shape[0]];
    const own = zeros.get(name)?.map((cut) => cut.axis === 0 ? inside(cut, first, end) : cut);
    return own ? withZeros(tensor, own) : tensor;
  };
  return {
    tensors: new Map(
      [...file.tensors].map(([name, info]) => [name, zeros.has(name) ? readable(info) : info]),
    ),
    read,
    stored(name, range) {
      if (!zeros.has(name)) return file.stored(name, range);
      const [start, end] = range ?? [0, readable(file.tensors.get(name)!).bytes];
      return {
        bytes: end - start,
        async *parts() {
          const { data } = await read(name);
          yield bytesOf(data).subarray(start, end);
          file.forget([name]);
        },
      };
    },
  };
}

/** The part of a cut that lies in rows [first, end), counted from the first of them. */
function inside({ axis, ...cut }: Cut, first: number, end: number): Cut {
  const [start, last] = [cut.start, cut.end].map((row) => Math.min(Math.max(row, first), end) - first);
  return { axis, start, end: last };
}

/** A tensor in the type that reading gives. */
function readable({ dtype, shape }: TensorInfo): TensorInfo {
  return { dtype, shape, type: dtype!.toUpperCase(), bytes: elements(shape) * byteSize(dtype!) };
}

/** Notes for users of the exported model. */
export function notesOnHeads(changes: readonly Change[]): string[] {
  return changes.flatMap((change) =>
    "heads" in change
      ? [
        `attention ${change.layer}: the output projection has zeros for heads ${change.heads!.join(" ")}; ` +
        "results are those of the plan, but this saves no time or memory",
      ]
      : []
  );
}
