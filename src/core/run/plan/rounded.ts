/**
 * Matrices rounded to types of blocks, kept in blocks: a search runs the same ones under plan after plan, and some types take longer to round
 * to than the model takes to run. What has no room is rounded again.
 */
import { availableBytes } from "../../engine/mod.ts";
import { encodeInThreads, readTensor, type RowRounding, type WeightSource } from "../../weights/mod.ts";
import { type Tensor, toFloat32 } from "../../tensor/mod.ts";

/** Tensors in blocks by what they depend on besides the weights, and the bytes that are still free for more. */
interface Kept {
  readonly tensors: Map<
    string,
    { readonly shape: readonly number[]; readonly blocks: Uint8Array<ArrayBuffer> }
  >;
  room: number;
}

const kept = new WeakMap<WeightSource, Kept>();
/** The most bytes that stay: 2 GiB, or a quarter of free memory. */
export const roomIn = (free: number): number => Math.min(2 ** 31, free / 4);

/**
 * A tensor of some weights as it is read again from a type of blocks; `key` names it, its rows, and how it is rounded.
 * `read` gives its numbers and is called only where no blocks are kept. The room is computed once for all tensors of
 * the weights, since the system takes a millisecond to report free memory.
 */
export async function roundedOnce(
  weights: WeightSource,
  key: string,
  type: string,
  read: () => Promise<Tensor>,
  rounding: RowRounding,
  room?: number,
): Promise<Tensor> {
  const own = kept.getOrInsertComputed(weights, () => (
    { tensors: new Map(), room: room ?? roomIn(availableBytes()) }
  ));
  const name = `${type} ${key}`;
  const known = own.tensors.get(name);
  if (known) return readTensor(type, known.shape, known.blocks);
  const tensor = await read();
  const numbers = toFloat32(tensor) as Float32Array<ArrayBuffer>;
  const blocks = await encodeInThreads(type, numbers, tensor.shape.at(-1)!, rounding);
  if (blocks.length <= own.room) {
    own.tensors.set(name, { shape: tensor.shape, blocks });
    own.room -= blocks.length;
  }
  return readTensor(type, tensor.shape, blocks);
}
