/**
 * The highest possible speed: moving bytes takes time, and so do operations, and the two overlap at best. A piece of work takes
 * the longer of the two times (Williams, Waterman & Patterson, "Roofline", CACM 52, 2009). A model is many pieces, one after
 * the other, each with a roof of its own. Devices are as in their data sheets, upper bounds that nothing reaches:
 *
 *     RTX A6000          NVIDIA RTX A6000 data sheet: 768 GB/s, 48 GB; 309.7 TFLOPS of tensor products with sparsity, half without
 *     RTX 6000 Ada       NVIDIA RTX 6000 Ada Generation data sheet: 960 GB/s, 48 GB; 1457 TFLOPS in FP8 with sparsity, of which
 *                        16-bit products without sparsity are a quarter
 *     A100 SXM 80 GB     NVIDIA A100 Tensor Core GPU data sheet: 2039 GB/s, 80 GB; 312 TFLOPS
 *     H100 SXM           NVIDIA H100 Tensor Core GPU data sheet: 3.35 TB/s, 80 GB; 1979 TFLOPS with sparsity, half without
 */

/** Bytes that a piece of work moves, and its multiplications and additions. */
export type Work = { readonly bytes: number; readonly flops: number };

/** Bytes, and multiplications and additions, per second. */
export type Roof = { readonly bandwidth: number; readonly rate: number };

/** Seconds that a piece of work takes at least. */
export function roofSeconds({ bytes, flops }: Work, { bandwidth, rate }: Roof): number {
  return Math.max(bytes / bandwidth, flops / rate);
}

/**
 * The paper's gamma: points of average accuracy lost for each percent of speed-up; the lower, the better. Null where nothing
 * became faster. `speedup` is a ratio: 1.23 is 23 %.
 */
export function gamma(lost: number, speedup: number): number | null {
  return speedup > 1 ? lost / (100 * (speedup - 1)) : null;
}

interface Device {
  /** As its maker calls it. */
  readonly title: string;
  /** Bytes per second, between its memory and its units. */
  readonly bandwidth: number;
  /** Multiplications and additions per second, of products of 16-bit numbers, dense. */
  readonly rate: number;
  /** Bytes of memory. */
  readonly memory: number;
}

const GIB = 2 ** 30;

/** The name of a GPU that `roofline` knows. */
export type DeviceName = "rtx-a6000" | "a6000-ada" | "a100" | "h100";

export const DEVICES: Readonly<Record<DeviceName, Device>> = {
  "rtx-a6000": { title: "NVIDIA RTX A6000", bandwidth: 768e9, rate: 154.8e12, memory: 48 * GIB },
  "a6000-ada": { title: "NVIDIA RTX 6000 Ada", bandwidth: 960e9, rate: 364.2e12, memory: 48 * GIB },
  a100: { title: "NVIDIA A100 SXM 80 GB", bandwidth: 2039e9, rate: 312e12, memory: 80 * GIB },
  h100: { title: "NVIDIA H100 SXM", bandwidth: 3350e9, rate: 989.4e12, memory: 80 * GIB },
};

export const DEVICE_NAMES = Object.keys(DEVICES) as DeviceName[];
