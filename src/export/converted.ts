/**
 * Tensors of a GGUF file as Hugging Face stores them, a few rows at a time. F32, F16 and BF16 stay what they are; quantised
 * types become F32, which holds their values exactly (a float16 scale times a few bits) where 16 bits would not.
 */
import { byteSize, elements, type Tensor, toFloat32 } from "../tensor/mod.ts";
import { type OutTensor, type PagedFile, PART_BYTES, ranges } from "../weights/mod.ts";

/** What a family has otherwise in GGUF files. */
export interface Difference {
  /** Heads whose rows alternate between the halves of a head. */
  readonly heads?: number | undefined;
  /** A norm that is stored with one added. */
  readonly plusOne?: boolean;
}

/** The tensor under its new name. */
export function converted(
  file: PagedFile,
  stored: string,
  name: string,
  { heads, plusOne = false }: Difference,
): OutTensor {
  const { dtype, shape } = file.tensors.get(stored)!;
  const kind = plusOne ? "f32" : dtype!;
  const rowBytes = elements(shape.slice(1)) * byteSize(kind);
  const step = heads ? shape[0] / heads : Math.max(1, Math.floor(PART_BYTES / rowBytes));
  return {
    name,
    type: kind.toUpperCase(),
    shape,
    bytes: shape[0] * rowBytes,
    async *parts() {
      for (const rows of ranges(0, shape[0], step)) {
        const tensor = await file.read(stored, rows);
        const bytes = bytesOf(plusOne ? minusOne(tensor) : tensor);
        yield heads ? inHalves(bytes, rowBytes) : bytes;
      }
      file.forget([stored]);
    },
  };
}

const bytesOf = ({ data }: Tensor) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function minusOne(tensor: Tensor): Tensor {
  return { dtype: "f32", shape: tensor.shape, data: toFloat32(tensor).map((weight) => weight - 1) };
}

/** Rows of one head from (pair, half) to (half, pair): [E/2, 2, …] → [2, E/2, …]. */
function inHalves(bytes: Uint8Array, rowBytes: number): Uint8Array {
  const rows = bytes.length / rowBytes;
  const halves = new Uint8Array(bytes.length);
  for (let row = 0; row < rows; row++) {
    const to = (row % 2) * (rows / 2) + Math.trunc(row / 2);
    halves.set(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), to * rowBytes);
  }
  return halves;
}
