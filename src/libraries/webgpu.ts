/**
 * The WebGPU device of this machine, through `navigator.gpu` (wgpu over Vulkan, Metal or Direct3D; lavapipe where there is only a
 * CPU). It is asked for all that its adapter has: what a device gets by default is what the smallest of them have.
 */

/** A device, and the adapter in words. */
export interface WebgpuDevice {
  readonly device: GPUDevice;
  readonly name: string;
}

const wantedLimits = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;

const wantedFeatures: readonly GPUFeatureName[] = ["shader-f16"];

/** Opens a device of the best adapter, the caller's to destroy. Throws `Error` where there is none. */
export async function openWebgpuDevice(): Promise<WebgpuDevice> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    throw new Error("no Vulkan device: install a GPU driver, or mesa-vulkan-drivers for the CPU");
  }
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
