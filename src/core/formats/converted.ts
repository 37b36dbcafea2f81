/**
 * Tensors in another file's form, a few rows at a time. F32, F16 and BF16 stay what they are unless the form wants F32;
 * quantised types become F32, which holds their values exactly (a float16 scale times a few bits) where 16 bits would not.
 */
import { firstScoring, ggufStorage, type ModelSpec } from "../models/mod.ts";
import { byteSize, bytesOf, elements, type Tensor, toFloat32 } from "../tensor/mod.ts";
import {
  type OutTensor,
  type PagedFile,
  PART_BYTES,
  ranges,
  rowsIn,
  type TensorRef,
} from "../weights/mod.ts";

interface Difference {
  /** Rows of each of some heads, which lie in two halves in Hugging Face's files and in pairs in llama.cpp's. */
  readonly heads?: { readonly number: number; readonly to: "halves" | "pairs" };
  /** A number that is added to every element, which makes it F32. */
  readonly plus?: number;
  /** Whether it has to be F32. */
  readonly float32?: boolean;
}

/** The differences between a tensor of a GGUF file and Hugging Face's, when one is made from the other. */
export function storedOtherwise(
  { layers }: ModelSpec,
  architecture: string,
  canonical: string,
  made: "gguf" | "hf",
): Difference {
  const { heads, kvHeads } = firstScoring({ layers })!;
  const { permuted, normsWithOne } = ggufStorage(architecture);
  const [, turned] = permuted ? /^attention\.([qk])_proj\./.exec(canonical) ?? [] : [];
  const to = made === "gguf" ? "pairs" : "halves";
  return {
    ...turned ? { heads: { number: turned === "q" ? heads : kvHeads, to } } : {},
    ...normsWithOne && canonical.endsWith("norm.weight") ? { plus: made === "gguf" ? 1 : -1 } : {},
  };
}

/** The model's tensor under its new name: only its own rows if the stored one holds several. */
export function converted(
  file: PagedFile,
  ref: TensorRef,
  name: string,
  { heads, plus = 0, float32 = plus !== 0 }: Difference,
): OutTensor {
  const { dtype, shape: [all, ...inner] } = file.tensors.get(ref.name)!;
  const [start, end] = rowsIn(ref) ?? [0, all];
  const shape = [end - start, ...inner];
  const kind = float32 ? "f32" : dtype!;
  const rowBytes = elements(inner) * byteSize(kind);
  const step = heads ? shape[0] / heads.number : Math.max(1, Math.floor(PART_BYTES / rowBytes));
  return {
    name,
    type: kind.toUpperCase(),
    shape,
    bytes: shape[0] * rowBytes,
    async *parts() {
      for (const rows of ranges(0, shape[0], step)) {
        const tensor = await file.read(ref.name, rowsIn(ref, rows));
        const bytes = bytesOf((float32 ? added(tensor, plus) : tensor).data);
        yield heads ? moved(bytes, rowBytes, heads.to) : bytes;
      }
      file.forget([ref.name]);
    },
  };
}

function added(tensor: Tensor, plus: number): Tensor {
  const numbers = toFloat32(tensor);
  const data = plus === 0 ? numbers : numbers.map((number) => number + plus);
  return { dtype: "f32", shape: tensor.shape, data };
}

/** Rows of one head from (pair, half) to (half, pair), [E/2, 2, …] → [2, E/2, …], or back. */
function moved(bytes: Uint8Array, rowBytes: number, to: "halves" | "pairs"): Uint8Array {
  const rows = bytes.length / rowBytes;
  const result = new Uint8Array(bytes.length);
  for (let paired = 0; paired < rows; paired++) {
    const halved = (paired % 2) * (rows / 2) + Math.trunc(paired / 2);
    const [at, from] = to === "halves" ? [halved, paired] : [paired, halved];
    result.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), at * rowBytes);
  }
  return result;
}
