/**
 * The weights of an ONNX model, one after the other in a file beside it. Float32, float16 and bfloat16 stay what they are, byte
 * for byte, and the graph widens them; quantised types, and what a family or a file format stores otherwise than the graph reads
 * it, become float32, in which the values are the same.
 */
import { type ModelSpec, modelTensors, type StoredWeights, wholeName } from "../../models/mod.ts";
import { byteSize, bytesOf, type DType, elements, toFloat32 } from "../../tensor/mod.ts";
import {
  type Content,
  contentOf,
  type PagedFile,
  PART_BYTES,
  ranges,
  readRef,
  rowsIn,
  type TensorRef,
  withMxfp4,
  zeros,
} from "../../weights/mod.ts";
import { tensorsOf } from "../../run/mod.ts";
import type { Job } from "../job.ts";

interface OnnxWeight extends Content {
  readonly name: string;
  readonly dtype: DType;
}

/** The weights of the layers and modules that `spec` has, in the order of the model. */
export function onnxWeights({ model, stored, drop }: Job, spec: ModelSpec): OnnxWeight[] {
  const file = withMxfp4(stored.file);
  const own = new Map(
    (drop.changes ?? []).flatMap((change) =>
      [...tensorsOf(change)].map(([name, tensor]) =>
        [wholeName(`${change.module}.${name}`, change.layer), tensor] as const
      )
    ),
  );
  return modelTensors(spec).map(({ need: [canonical, shape], layer }) => {
    const name = wholeName(canonical, layer);
    const tensor = own.get(name);
    if (tensor) return { name, dtype: "f32", ...contentOf(bytesOf(tensor.data)) };
    return weight(file, model.stored!(canonical, layer), name, shape);
  });
}

function weight(file: PagedFile, ref: TensorRef, name: string, shape: readonly number[]): OnnxWeight {
  const { type, dtype } = file.tensors.get(ref.name)!;
  if (!ref.transform && !ref.order && type === dtype!.toUpperCase()) {
    const rowBytes = elements(shape.slice(1)) * byteSize(dtype!);
    const [start, end] = rowsIn(ref) ?? [0, shape[0]];
    const before = (ref.at ?? 0) * (ref.rows?.of ?? shape[0]);
    const range = [(before + start) * rowBytes, (before + end) * rowBytes] as const;
    return { name, dtype: dtype!, ...file.stored(ref.name, range) };
  }
  return {
    name,
    dtype: "f32",
    bytes: elements(shape) * byteSize("f32"),
    async *parts() {
      for (const rows of rowsOf(ref, shape)) {
        yield bytesOf(toFloat32(await readRef(file, ref, (length) => new Float32Array(length), rows)));
      }
      file.forget([ref.name]);
    },
  };
}

/** Rows that are read at once: all of what is transformed or ordered, which is done to a whole, and all of one of several. */
function* rowsOf(
  { transform, order, at }: TensorRef,
  shape: readonly number[],
): Generator<[number, number] | undefined> {
  if (transform || order || at !== undefined) yield undefined;
  else {
    const rowBytes = elements(shape.slice(1)) * byteSize("f32");
    yield* ranges(0, shape[0], Math.max(1, Math.floor(PART_BYTES / rowBytes)));
  }
}

/** A page of memory: a reader can map a weight that begins on one. */
const ALIGNMENT = 4096;

/** The file of some weights, and where each lies in it; the model knows the file by its name. */
export function placed(file: string, weights: readonly OnnxWeight[]): {
  readonly content: Content;
  readonly ranges: StoredWeights;
} {
  let end = 0;
  const pieces: Content[] = [];
  const places = new Map(weights.map((one) => {
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    pieces.push(zeros(offset - end), one);
    end = offset + one.bytes;
    return [one.name, { file, offset, bytes: one.bytes }];
  }));
  const content = {
    bytes: end,
    async *parts() {
      for (const piece of pieces) yield* piece.parts();
    },
  };
  return { content, ranges: places };
}
