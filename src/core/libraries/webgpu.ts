/**
 * The WebGPU device of this machine, through `navigator.gpu` (wgpu over Vulkan, Metal or Direct3D; lavapipe where there is only a
 * CPU). It is opened with all limits of its adapter; the defaults are those of the smallest devices.
 */
import wanted from "./webgpu.json" with { type: "json" };

/** `GPUBufferUsage` of the specification: TypeScript's DOM types know its interfaces, not its constants. */
export const bufferUsage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
} as const;

const scopes = ["internal", "out-of-memory", "validation"] as const;

/** From here on, the device's errors are kept for `popErrors`. */
export function pushErrors(device: GPUDevice): void {
  for (const scope of scopes) device.pushErrorScope(scope);
}

/** Throws `Error` with the first error since `pushErrors`, behind `cannot`: "Cannot run a graph". */
export async function popErrors(device: GPUDevice, cannot: string): Promise<void> {
  const reports = await Promise.all(scopes.map(() => device.popErrorScope()));
  const report = reports.find((report) => report !== null);
  if (report) throw new Error(`${cannot}: ${report.message}`);
}

const wantedLimits = wanted.limits as Extract<keyof GPUSupportedLimits, `max${string}`>[];

const wantedFeatures: readonly GPUFeatureName[] = ["shader-f16"];

/** Opens a device of the best adapter, the caller's to destroy. Throws `Error` where there is none. */
export async function openWebgpuDevice(): Promise<{ readonly device: GPUDevice; readonly name: string }> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("no Vulkan device: install a GPU driver, or mesa-vulkan-drivers for the CPU");
  try {
    const device = await adapter.requestDevice({
      requiredLimits: Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]])),
      requiredFeatures: wantedFeatures.filter((name) => adapter.features.has(name)),
    });
    return { device, name: adapter.info.description || adapter.info.device };
  } catch (error) {
    throw new Error(`the Vulkan device cannot be opened: ${(error as Error).message}`, { cause: error });
  }
}
