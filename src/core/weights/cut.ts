/** Parts of weights that are at hand. */
import { byteSize, elements, type Tensor, viewOf } from "../tensor/mod.ts";
import type { Cut } from "./source.ts";

/** Some tensors, cut (null: whole): rows are a view, columns a copy. Throws `RangeError` for a name that is not there. */
export function cutTensors(
  tensors: ReadonlyMap<string, Tensor>,
  cuts: ReadonlyMap<string, Cut | null>,
): Map<string, Tensor> {
  return new Map([...cuts].map(([name, cut]) => {
    const tensor = tensors.get(name);
    if (!tensor) {
      throw new RangeError(
        `Cannot cut ${name}: found ${[...tensors.keys()].join(", ")}, expected this tensor among them`,
      );
    }
    return [name, cut ? cutTensor(tensor, cut) : tensor];
  }));
}

/** Some rows of a tensor, a view; or some columns of a matrix, a copy. */
export function cutTensor({ dtype, shape, data }: Tensor, { axis, start, end }: Cut): Tensor {
  const inner = shape.slice(1);
  const columns = elements(inner);
  const count = end - start;
  if (axis === 0) {
    return { dtype, shape: [count, ...inner], data: data.subarray(start * columns, end * columns) };
  }
  const length = shape[0] * count;
  const out = viewOf(dtype, new ArrayBuffer(length * byteSize(dtype)), 0, length) as Float32Array;
  const from = data as Float32Array; // whatever its type: elements are copied as they are
  for (let row = 0; row < shape[0]; row++) {
    out.set(from.subarray(row * columns + start, row * columns + end), row * count);
  }
  return { dtype, shape: [shape[0], count], data: out };
}

/** Rows in another order, or some of them: row i is the tensor's row `order[i]`. A copy. */
export function tensorRows(
  { dtype, shape, data }: Tensor,
  order: ArrayLike<number>,
  allocate: (length: number) => Float32Array<ArrayBuffer>,
): Tensor {
  const width = elements(shape.slice(1));
  const length = order.length * width;
  const out = dtype === "f32"
    ? allocate(length)
    : viewOf(dtype, new ArrayBuffer(length * byteSize(dtype)), 0, length) as Float32Array;
  const from = data as Float32Array; // whatever its type: elements are copied as they are
  for (let i = 0; i < order.length; i++) {
    out.set(from.subarray(order[i] * width, (order[i] + 1) * width), i * width);
  }
  return { dtype, shape: [order.length, ...shape.slice(1)], data: out };
}
