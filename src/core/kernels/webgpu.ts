/**
 * Kernels on WebGPU: on the engine's device, in its queue, over its buffers.
 *
 * All stages of a kernel share one explicit bind group layout (buffers in order, then the parameters as a uniform), so a
 * stage need not use every buffer. A buffer or grid that is too large for the device is refused with the limit's name. Every call that can fail
 * runs in error scopes: an error of the device becomes an exception of the call that caused it.
 */
import type { Held, WebgpuAccess } from "../engine/mod.ts";
import { bufferUsage, popErrors, pushErrors } from "../libraries/mod.ts";
import { elements } from "../tensor/mod.ts";
import { type Kernel, kernelSource, type Params, placesOf } from "./kernel.ts";

/** `GPUShaderStage.COMPUTE`. */
const COMPUTE_STAGE = 0x4;

type Compiled = { readonly layout: GPUBindGroupLayout; readonly pipelines: readonly GPUComputePipeline[] };

const compiled = new WeakMap<GPUDevice, Map<Kernel, Promise<Compiled>>>();

/** Starts all stages; `buffers` in binding order. */
export async function startOnWebgpu(
  access: WebgpuAccess,
  kernel: Kernel,
  buffers: readonly Held[],
  packed: Uint8Array<ArrayBuffer>,
  params: Params,
): Promise<void> {
  const { device } = access;
  checkLimits(device, kernel, params);
  const { layout, pipelines } = await compiledOn(device, kernel);
  const storage = placesOf(kernel, buffers, (held) => ({
    buffer: access.buffer(held),
    size: 4 * elements(held.shape),
  }));
  await scoped(device, kernel, () => {
    const uniform = device.createBuffer({
      size: Math.max(16, packed.byteLength),
      usage: bufferUsage.uniform | bufferUsage.copyTarget,
    });
    device.queue.writeBuffer(uniform, 0, packed);
    const entries = [...storage, { buffer: uniform }].map((resource, binding) => ({ binding, resource }));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    kernel.stages.forEach(({ grid }, stage) => {
      pass.setPipeline(pipelines[stage]);
      pass.dispatchWorkgroups(...grid(params));
    });
    pass.end();
    device.queue.submit([encoder.finish()]);
    uniform.destroy(); // once what was submitted has ended
  });
}

function checkLimits({ limits }: GPUDevice, kernel: Kernel, params: Params): void {
  for (const { name, shape } of kernel.bindings) {
    const bytes = 4 * elements(shape(params));
    const most = limits.maxStorageBufferBindingSize;
    if (bytes > most) {
      throw new RangeError(
        `Cannot run ${kernel.name} on WebGPU: ${name} has ${bytes} bytes, expected at most ${most} (maxStorageBufferBindingSize)`,
      );
    }
  }
  const blocks = limits.maxComputeWorkgroupsPerDimension;
  for (const { entry, grid } of kernel.stages) {
    const sides = grid(params);
    if (Math.max(...sides) > blocks) {
      throw new RangeError(
        `Cannot run ${kernel.name} on WebGPU: ${entry} needs ${sides.join(" × ")} blocks, expected at most ` +
          `${blocks} a side`,
      );
    }
  }
}

/** Runs `body` in error scopes and throws what the device reports. Synchronous, so that scopes of two calls never mix. */
async function scoped<T>(device: GPUDevice, kernel: Kernel, body: () => T): Promise<T> {
  pushErrors(device);
  let reported: Promise<void>;
  let result: T;
  try {
    result = body();
  } finally {
    reported = popErrors(device, `Cannot run ${kernel.name} on WebGPU`);
    reported.catch(() => {}); // what `body` throws says more
  }
  await reported;
  return result;
}

/** The kernel's pipelines on a device, compiled at its first launch there. */
function compiledOn(device: GPUDevice, kernel: Kernel): Promise<Compiled> {
  const known = compiled.get(device) ?? new Map<Kernel, Promise<Compiled>>();
  compiled.set(device, known);
  if (!known.has(kernel)) known.set(kernel, compile(device, kernel));
  return known.get(kernel)!;
}

async function compile(device: GPUDevice, kernel: Kernel): Promise<Compiled> {
  const code = await kernelSource(kernel, "wgsl");
  return scoped(device, kernel, () => {
    const types = kernel.bindings.map(({ role }): GPUBufferBindingType =>
      role === "in" ? "read-only-storage" : "storage"
    );
    const layout = device.createBindGroupLayout({
      entries: [...types, "uniform" as const].map((type, binding) => ({
        binding,
        visibility: COMPUTE_STAGE,
        buffer: { type },
      })),
    });
    const module = device.createShaderModule({ label: kernel.name, code });
    const pipelines = kernel.stages.map(({ entry }) =>
      device.createComputePipeline({
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: entry },
      })
    );
    return { layout, pipelines };
  });
}
