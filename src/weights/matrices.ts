/** Tensors of a file as matrices in blocks. */
import { type BlockMatrix, bytesOf, elements } from "../tensor/mod.ts";
import type { Decoders } from "./blocks/decoders.ts";
import { repackings } from "./blocks/repack.ts";
import { type Allocate, checkRows, type Entry, newArray } from "./entry.ts";
import { quote } from "./limits.ts";
import type { TensorInfo } from "./source.ts";

/** The blocks of a tensor whose rows are whole ones; undefined for any other. */
function blocksOf({ type, shape }: Entry["info"]) {
  const found = Object.hasOwn(repackings, type) ? repackings[type] : undefined;
  return shape.length >= 2 && found && shape.at(-1)! % found.size === 0 ? found : undefined;
}

/** The format, as the field of a tensor's description. */
export function formatIn(info: Entry["info"]): Pick<TensorInfo, "blocks"> {
  const found = blocksOf(info);
  if (!found) return {};
  const { bits, size, zero, hasOffsets } = found;
  return { blocks: { bits, size, zero, hasOffsets } };
}

/** Rows of the first axis as a matrix; several matrices of a stack come one after the other. */
export async function readBlocks(
  decoders: Decoders,
  name: string,
  entry: Entry,
  rows: readonly [number, number] | undefined,
  allocate: Allocate = newArray,
): Promise<BlockMatrix> {
  const { info, file, start } = entry;
  const format = blocksOf(info);
  if (!format) {
    throw new TypeError(
      `Cannot read ${
        quote(name)
      } in ${file.name} in blocks: found ${info.type} [${info.shape}], expected a matrix in blocks`,
    );
  }
  if (rows) checkRows(name, entry, rows);
  const [first, ...rest] = info.shape;
  const [from, to] = rows ?? [0, first];
  const columns = rest.at(-1)!;
  const count = (to - from) * elements(rest.slice(0, -1));
  const blocks = count * columns / format.size;
  const bytes = info.bytes / first;
  const [begin, end] = [start + from * bytes, start + to * bytes];
  const { bits, size, zero, hasOffsets } = format;
  const matrix = {
    bits,
    size,
    shape: [count, columns] as const,
    quants: bytesOf(allocate(count * columns * bits / 32)),
    scales: allocate(blocks),
    zeros: zero,
    offsets: hasOffsets ? allocate(blocks) : null,
  };
  await decoders.repack(info.type, await file.read(begin, end), matrix);
  file.forget(begin, end);
  return matrix;
}
