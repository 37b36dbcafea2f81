/** Matrices whose rows lie in equal blocks, one for each head or group of heads, several projections side by side in each. */
import { elements, type Tensor, toFloat32 } from "../../tensor/mod.ts";
import type { Allocate } from "../../weights/mod.ts";

/** Rows [start, end) of each block of `of`. */
export interface BlockRows {
  readonly start: number;
  readonly end: number;
  readonly of: number;
}

/** Those rows of a matrix [blocks · of, …] or bias, a block after the other; of several `parts` one part after the other. */
export function takeRows(
  tensor: Tensor,
  blocks: number,
  parts: readonly BlockRows[],
  allocate: Allocate,
): Tensor {
  const [rows, ...rest] = tensor.shape;
  const [{ of }] = parts;
  if (rows !== blocks * of) {
    throw new RangeError(
      `Cannot split ${rows} rows: expected ${
        blocks * of
      }, ${of} for each of ${blocks} heads or groups of heads`,
    );
  }
  const width = elements(rest);
  const taken = blocks * parts.reduce((sum, { start, end }) => sum + end - start, 0);
  const stored = toFloat32(tensor);
  const data = allocate(taken * width);
  let at = 0;
  for (const { start, end } of parts) {
    for (let block = 0; block < blocks; block++) {
      data.set(stored.subarray((block * of + start) * width, (block * of + end) * width), at);
      at += (end - start) * width;
    }
  }
  return { dtype: "f32", shape: [taken, ...rest], data };
}
