/** What computes attention patterns: graphs on the CPU, or our kernels on a device. */
import { type Device, openCuda, openWebGpu } from "../../kernels/mod.ts";

/** Where kernels run. */
export type KernelsName = "cpu" | "webgpu" | "cuda";

/** Opened, and to be closed. */
export interface StatsKernels {
  /** For provenance: "cpu", or a device by kind and name. */
  readonly name: string;
  readonly device?: Device;
  close(): Promise<void>;
}

/** Opens a device. Throws, saying what is missing, if this machine has none. */
export async function openKernels(wanted: KernelsName): Promise<StatsKernels> {
  if (wanted === "cpu") return { name: "cpu", close: () => Promise.resolve() };
  const { device, reason } = wanted === "webgpu" ? await openWebGpu() : await openCuda();
  if (!device) throw new Error(`Cannot use ${wanted} kernels: ${reason}; run lamina doctor`);
  return { name: `${device.kind}: ${device.name}`, device, close: () => device.close() };
}
