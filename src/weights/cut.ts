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

/** The rows or columns of some blocks, where an axis has `count` equal ones: heads of a projection. */
export function blockCuts(
  shape: readonly number[],
  axis: Cut["axis"],
  count: number,
  blocks: readonly number[],
): Cut[] {
  const size = shape[axis] / count;
  return blocks.map((block) => ({ axis, start: block * size, end: (block + 1) * size }));
}

/** A copy of a tensor with zeros in these rows or columns. */
export function withZeros({ dtype, shape, data }: Tensor, cuts: readonly Cut[]): Tensor {
  const copy = (data as Float32Array).slice(); // of its own type
  const columns = elements(shape.slice(1));
  for (const { axis, start, end } of cuts) {
    if (axis === 0) copy.fill(0, start * columns, end * columns);
    else for (let at = 0; at < copy.length; at += columns) copy.fill(0, at + start, at + end);
  }
  return { dtype, shape, data: copy };
}

/** Tensors of one type, one after the other along an axis. */
export function joinTensors(parts: readonly Tensor[], axis: Cut["axis"]): Tensor {
  const [{ dtype, shape }] = parts;
  const side = parts.reduce((sum, part) => sum + part.shape[axis], 0);
  const length = parts.reduce((sum, { data }) => sum + data.length, 0);
  const out = viewOf(dtype, new ArrayBuffer(length * byteSize(dtype)), 0, length) as Float32Array;
  const rows = axis === 0 ? 1 : shape[0];
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const { data } of parts) {
      const width = data.length / rows;
      out.set((data as Float32Array).subarray(row * width, (row + 1) * width), at);
      at += width;
    }
  }
  return { dtype, shape: shape.with(axis, side), data: out };
}
