/**
 * Named tensors over bytes: what safetensors and GGUF have in common once their headers are read.
 *
 * A header's reader returns one `Entry` per tensor; here they become a `TensorFile`. Stored types are views of the
 * bytes (copied only where an offset is not aligned to its element); quantised blocks are decoded to float32, and
 * the pages they came from are released at once.
 */
import { sum } from "../entry/mod.ts";
import { aligned, type BlockMatrix, byteSize, elements, type Tensor, viewOf } from "../tensor/mod.ts";
import type { FileBytes } from "./bytes.ts";
import { type Content, ranges } from "./content.ts";
import { type Decoders, openDecoders } from "./blocks/decoders.ts";
import { type Allocate, checkRows, type Entry, formatIn, newArray, readBlocks } from "./entry.ts";
import { outOfRange, quote } from "./limits.ts";
import type { TensorFile } from "./source.ts";

/** A tensor file that can also decode into given memory and let pages go. */
export interface PagedFile extends TensorFile {
  /** Like `TensorFile.read`; values that must be computed go into an array from `allocate`. */
  read(name: string, rows?: readonly [number, number], allocate?: Allocate): Promise<Tensor>;
  /** Like `TensorFile.blocks`; the arrays of the matrix are from `allocate`, quants as the bytes of one. */
  blocks(name: string, rows?: readonly [number, number], allocate?: Allocate): Promise<BlockMatrix>;
  /** A tensor's bytes as they are stored, or bytes [start, end) of them, of whatever type; pages that were read are let go. */
  stored(name: string, range?: readonly [number, number]): Content;
  /** Announces that these tensors, or these rows of them, are not needed for now. Views stay valid. */
  forget(names: Iterable<string>, rows?: readonly [number, number]): void;
}

/** The tensors of `files`, in a format called `kind`. `name` names the whole in errors; `lacking` says why tensors are missing. */
export function tensorFile(
  kind: string,
  name: string,
  entries: ReadonlyMap<string, Entry>,
  files: readonly FileBytes[],
  lacking: ReadonlyMap<string, string> = new Map(),
): PagedFile {
  let closed = false;
  const inBlocks = [...entries.values()].filter(({ layout }) => "decode" in layout);
  const decoders = openDecoders(sum(inBlocks, ({ info: { shape } }) => elements(shape)));

  function find(tensor: string): Entry {
    const entry = entries.get(tensor);
    if (closed) throw new Error(`Cannot read ${quote(tensor)}: ${name} is closed, expected an open file`);
    if (!entry) {
      const why = lacking.has(tensor) ? ` (${lacking.get(tensor)})` : "";
      throw outOfRange(name, `no tensor ${quote(tensor)}${why}`, `one of its ${entries.size} tensors`);
    }
    return entry;
  }
  function each(names: Iterable<string>, act: (entry: Entry) => void) {
    for (const tensor of names) act(find(tensor));
  }

  return {
    format: `${kind} ${formatOf(entries.values())}`,
    tensors: new Map([...entries].map(([tensor, { info, layout: { dtype = "f32" } }]) => {
      const blocks = formatIn(info);
      return [tensor, { ...info, dtype, ...blocks && { blocks } }];
    })),
    lacking,
    // deno-lint-ignore require-await -- throws as a rejection
    async read(tensor, rows, allocate) {
      return readRows(decoders, tensor, find(tensor), rows, allocate);
    },
    // deno-lint-ignore require-await -- throws as a rejection
    async blocks(tensor, rows, allocate) {
      return readBlocks(decoders, tensor, find(tensor), rows, allocate);
    },
    stored(tensor, range) {
      const { file, start, info } = find(tensor);
      const [from, to] = range ?? [0, info.bytes];
      return {
        bytes: to - from,
        async *parts() {
          for (const [at, end] of ranges(start + from, start + to)) {
            yield await file.read(at, end);
            file.forget(at, end);
          }
        },
      };
    },
    prefetch: (names) => each(names, ({ file, start, info }) => file.want(start, start + info.bytes)),
    forget: (names, rows) =>
      each(names, ({ file, start, info: { shape, bytes } }) => {
        const row = bytes / shape[0];
        if (rows) file.forget(start + rows[0] * row, start + rows[1] * row);
        else file.forget(start, start + bytes);
      }),
    close() {
      if (closed) return;
      files.forEach((file) => file.close());
      decoders.close();
      closed = true;
    },
  };
}

/** Float64 loses digits here, and the name says so. */
function formatOf(entries: Iterable<Entry>): string {
  const type = commonType(Array.from(entries, ({ info }) => info));
  return type === "F64" ? "F64 read as F32" : type;
}

/** The storage type that most bytes have. */
export function commonType(tensors: Iterable<{ readonly type: string; readonly bytes: number }>): string {
  const all = new Map<string, number>();
  for (const { type, bytes } of tensors) all.set(type, (all.get(type) ?? 0) + bytes);
  return [...all].reduce((most, next) => next[1] > most[1] ? next : most)[0];
}

async function readRows(
  decoders: Decoders,
  name: string,
  entry: Entry,
  rows: readonly [number, number] | undefined,
  allocate: Allocate = newArray,
): Promise<Tensor> {
  const { info: { type, shape }, file, layout } = entry;
  if (layout.dtype === null) {
    throw new TypeError(
      `Cannot read ${quote(name)} in ${file.name}: it is ${type}, expected ${layout.expected}`,
    );
  }
  if (rows) checkRows(name, entry, rows);
  const rowElements = rows ? elements(shape.slice(1)) : elements(shape);
  const [from, to] = rows ?? [0, 1];
  const taken = rows ? [to - from, ...shape.slice(1)] : shape;
  const [first, end] = [from * rowElements, to * rowElements];
  if (layout.dtype) {
    const size = byteSize(layout.dtype);
    const bytes = aligned(await file.read(entry.start + first * size, entry.start + end * size), size);
    const data = viewOf(layout.dtype, bytes.buffer, bytes.byteOffset, end - first);
    return { dtype: layout.dtype, shape: taken, data };
  }
  const { blockElements, blockBytes } = layout; // rows are whole blocks but for vectors, whose rows are elements
  const firstBlock = Math.floor(first / blockElements), endBlock = Math.ceil(end / blockElements);
  const [start, behind] = [firstBlock, endBlock].map((block) => entry.start + block * blockBytes);
  const bytes = await file.read(start, behind);
  const values = allocate((endBlock - firstBlock) * blockElements);
  await decoders.decode(type, layout, bytes, values);
  file.forget(start, behind);
  const skipped = firstBlock * blockElements;
  return { dtype: "f32", shape: taken, data: values.subarray(first - skipped, end - skipped) };
}
