/**
 * The project's normal numbers, made where they are needed: the bits of `fillNormal` (`src/tensor/random.ts`, which is
 * the reference and documents the algorithm), from a device.
 *
 * Limits: the first 2³³ elements of a stream, which share one pair of keys; a scale of 0 or at least 2⁻¹⁰⁵, below which
 * products would be subnormal, and WGSL may flush those to zero.
 */
import { normalTable, type StreamKeys, TABLE_UNIT } from "../tensor/mod.ts";
import type { Device, Kernel } from "./device.ts";

const ELEMENTS_OF_KEYS = 2 ** 33;
const SMALLEST_SCALE = 2 ** -105;
const BLOCK = 256;
const MOST_BLOCKS = 4096;

/** `kernels/random_normal`. */
export const randomNormalKernel: Kernel = {
  name: "random_normal",
  bindings: [
    { name: "table", role: "in", type: "f32", length: () => 65536 },
    { name: "numbers", role: "out", type: "f32", length: (p) => p.count },
  ],
  params: { count: "u32", key0: "u32", key1: "u32", word: "u32", odd: "u32", step: "f32" },
  stages: [{
    entry: "random_normal",
    block: BLOCK,
    grid: (p) => [Math.min(Math.ceil((p.count + 1) / 2 / BLOCK), MOST_BLOCKS), 1],
  }],
};

/** Inputs and parameters of the kernel. Throws `RangeError` outside the limits. */
export function randomNormalCall(keys: StreamKeys, start: number, count: number, scale: number) {
  if (
    !Number.isInteger(start) || start < 0 || !Number.isInteger(count) || count < 1 ||
    start + count > ELEMENTS_OF_KEYS
  ) {
    throw new RangeError(
      `Cannot draw random numbers: found ${count} from element ${start}, expected at least one, all below element 2³³`,
    );
  }
  if (scale !== 0 && !(Math.abs(scale) >= SMALLEST_SCALE)) {
    throw new RangeError(`Cannot draw random numbers: scale is ${scale}, expected 0 or at least 2⁻¹⁰⁵`);
  }
  return {
    inputs: { table: Float32Array.from(normalTable()) },
    params: {
      count,
      key0: keys[0],
      key1: keys[1],
      word: Math.floor(start / 2),
      odd: start % 2,
      step: Math.fround(Math.fround(scale) * TABLE_UNIT),
    },
  };
}

/** Elements `start` … `start + count` of the stream, standard deviation `scale`, drawn on a device. */
export async function randomNormal(
  device: Device,
  keys: StreamKeys,
  start: number,
  count: number,
  scale: number,
): Promise<Float32Array> {
  const { inputs, params } = randomNormalCall(keys, start, count, scale);
  return (await device.run(randomNormalKernel, inputs, params)).numbers as Float32Array;
}
