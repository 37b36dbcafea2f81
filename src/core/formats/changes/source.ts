/**
 * Tensors of stored weights that differ from those of the files. Their rows are made as they are read, so that memory is that of a part
 * of a tensor. Elements stay what they are where they are copied, and become F32 where they are computed: 16 bits would round them again.
 * A plan's own tensors take the type that holds them exactly: repairs are rounded to one.
 */
import { byteSize, type DType, elements, type Tensor, toFloat32 } from "../../tensor/mod.ts";
import {
  cutTensor,
  encoded,
  encodedBytes,
  exactType,
  type PagedFile,
  PART_BYTES,
  ranges,
  rounded,
  type TensorInfo,
} from "../../weights/mod.ts";

/** A tensor of stored weights. */
export interface Source {
  readonly info: TensorInfo;
  /** The rows [first, end), or the elements of a vector. */
  rows(first: number, end: number): Promise<Tensor>;
}

/** A tensor of a file; quantised types become F32, which holds the same values. */
export function sourceIn(file: PagedFile, name: string): Source {
  const { dtype, shape } = file.tensors.get(name)!;
  return {
    info: { dtype, shape, type: dtype!.toUpperCase(), bytes: elements(shape) * byteSize(dtype!) },
    rows: (first, end) => file.read(name, [first, end]),
  };
}

/** A tensor in the place of one of a type: as small as the numbers are exact. */
export function sourceOf(tensor: Tensor, of: string): Source {
  const { shape } = tensor;
  const type = exactType(of, tensor);
  const own = rounded(type, tensor);
  return {
    info: { dtype: own.dtype, type, shape, bytes: encodedBytes(type, shape) },
    rows: (start, end) => Promise.resolve(cutTensor(own, { axis: 0, start, end })),
  };
}

export function zeroSource(shape: readonly number[]): Source {
  const rows = (first: number, end: number): Promise<Tensor> => {
    const own = [end - first, ...shape.slice(1)];
    return Promise.resolve({ dtype: "f32", shape: own, data: new Float32Array(elements(own)) });
  };
  return { info: floats(shape), rows };
}

/** A tensor of other numbers; `row` counts along the first axis. */
export function mapped(
  { info: { shape }, rows }: Source,
  number: (value: number, row: number) => number,
): Source {
  const columns = elements(shape.slice(1));
  return {
    info: floats(shape),
    async rows(first, end) {
      const tensor = await rows(first, end);
      const data = toFloat32(tensor).map((value, i) => number(value, first + Math.floor(i / columns)));
      return { dtype: "f32", shape: tensor.shape, data };
    },
  };
}

function floats(shape: readonly number[]): TensorInfo {
  return { dtype: "f32", type: "F32", shape, bytes: elements(shape) * byteSize("f32") };
}

/** A file with some tensors changed, and others added. */
export function overlaid<File extends PagedFile>(file: File, edits: ReadonlyMap<string, Source>): File {
  const rowsOf = async (name: string, first: number, end: number) =>
    finite(name, await edits.get(name)!.rows(first, end));
  return {
    ...file,
    tensors: new Map([...file.tensors, ...[...edits].map(([name, { info }]) => [name, info] as const)]),
    read(name, rows, allocate) {
      const own = edits.get(name);
      if (!own) return file.read(name, rows, allocate);
      return rowsOf(name, ...rows ?? [0, own.info.shape[0]] as const);
    },
    stored(name, range) {
      const own = edits.get(name);
      if (!own) return file.stored(name, range);
      const { type, shape, bytes } = own.info;
      const [start, end] = range ?? [0, bytes];
      const row = bytes / shape[0];
      return {
        bytes: end - start,
        async *parts() {
          const step = Math.max(1, Math.floor(PART_BYTES / row));
          for (const [first, last] of ranges(Math.floor(start / row), Math.ceil(end / row), step)) {
            const part = encoded(type, await rowsOf(name, first, last));
            yield part.subarray(Math.max(0, start - first * row), Math.min(part.length, end - first * row));
          }
          if (file.tensors.has(name)) file.forget([name]);
        },
      };
    },
    forget: (names, rows) => file.forget([...names].filter((name) => file.tensors.has(name)), rows),
  };
}

/** Throws `RangeError` for a tensor that is not finite: a sum may leave float32. */
function finite(name: string, tensor: Tensor): Tensor {
  const wrong = toFloat32(tensor).find((value) => !Number.isFinite(value));
  if (wrong === undefined) return tensor;
  throw new RangeError(`Cannot export tensor ${name}: it would hold ${wrong}, expected finite numbers`);
}

export type Edits = ReturnType<typeof editsOf>;

const FLOATS: readonly (DType | null)[] = ["f32", "f16", "bf16"];

/** No changes yet. */
export function editsOf(file: PagedFile) {
  const made = new Map<string, Source>();
  return {
    /** The tensor as it is after all changes so far. */
    get: (name: string): Source => made.get(name) ?? sourceIn(file, name),
    /** Whether there is such a tensor, of numbers: experts in four bits are bytes of two tensors. */
    has: (name: string) => made.has(name) || FLOATS.includes(file.tensors.get(name)?.dtype ?? null),
    set: (name: string, source: Source) => void made.set(name, source),
    /** The tensors that differ from the file's. */
    made: made as ReadonlyMap<string, Source>,
  };
}
