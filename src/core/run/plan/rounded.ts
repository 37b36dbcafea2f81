/**
 * Matrices rounded to types of blocks, kept in blocks: a search runs the same ones under plan after plan, and some types take longer to round
 * to than the model takes to run. What has no room is rounded again.
 */
import { availableBytes } from "../../engine/mod.ts";
import { encodeInThreads, readTensor, type RowRounding, type WeightSource } from "../../weights/mod.ts";
import { type Tensor, toFloat32 } from "../../tensor/mod.ts";

/** Blocks by what they depend on besides the weights, and their bytes in all. */
interface Kept {
  readonly blocks: Map<string, Uint8Array<ArrayBuffer>>;
  bytes: number;
}

const kept = new WeakMap<WeightSource, Kept>();
/** The most bytes that stay: 2 GiB, or a quarter of free memory. */
export const roomIn = (free: number): number => Math.min(2 ** 31, free / 4);

/** A tensor of some weights as it is read again from a type of blocks; `key` names it, its rows, and how it is rounded. */
export async function roundedOnce(
  weights: WeightSource,
  key: string,
  type: string,
  tensor: Tensor,
  rounding: RowRounding,
  room?: number,
): Promise<Tensor> {
  const own = kept.get(weights) ?? { blocks: new Map(), bytes: 0 };
  kept.set(weights, own);
  const name = `${type} ${key}`;
  const known = own.blocks.get(name);
  if (known) return readTensor(type, tensor.shape, known);
  const numbers = toFloat32(tensor) as Float32Array<ArrayBuffer>;
  const blocks = await encodeInThreads(type, numbers, tensor.shape.at(-1)!, rounding);
  if (own.bytes + blocks.length <= (room ?? roomIn(availableBytes()))) {
    own.blocks.set(name, blocks);
    own.bytes += blocks.length;
  }
  return readTensor(type, tensor.shape, blocks);
}
