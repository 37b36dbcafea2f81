/**
 * Kernels on WebGPU.
 *
 * All stages of a kernel share one explicit bind group layout (buffers in order, then the parameters as a uniform), so a
 * stage need not use every buffer. What is too large for the device is refused with the limit's name before anything is allocated. Every call that can fail runs in error scopes: an error of the
 * device becomes an exception of the call that caused it.
 */
import { openWebgpuDevice } from "../libraries/mod.ts";
import {
  asWords,
  checkInputs,
  type Device,
  type Found,
  type Kernel,
  kernelSource,
  packParams,
  type Params,
  type Prepared,
  runOnce,
  type Words,
} from "./device.ts";

// Flags of the WebGPU specification: TypeScript's DOM types know its interfaces, not its constants.
const usage = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 };
const COMPUTE_STAGE = 0x4;
const MAP_READ = 0x1;

/** Opens the best adapter of this machine, or says why there is none. */
export async function openWebGpu(): Promise<Found> {
  try {
    const { device, name } = await openWebgpuDevice();
    return { device: deviceOver(device, name), reason: null };
  } catch (error) {
    return { device: null, reason: (error as Error).message };
  }
}

interface Compiled {
  readonly layout: GPUBindGroupLayout;
  readonly pipelines: readonly GPUComputePipeline[];
}

function deviceOver(gpu: GPUDevice, name: string): Device {
  const compiled = new Map<Kernel, Promise<Compiled>>();
  const device: Device = {
    kind: "webgpu",
    name,
    async prepare(kernel, inputs, params) {
      checkInputs(kernel, inputs, params);
      checkLimits(gpu, kernel, params);
      if (!compiled.has(kernel)) compiled.set(kernel, compile(gpu, kernel));
      return prepare(gpu, await compiled.get(kernel)!, kernel, inputs, params);
    },
    async run(kernel, inputs, params) {
      return runOnce(await device.prepare(kernel, inputs, params));
    },
    close() {
      gpu.destroy();
      return Promise.resolve();
    },
  };
  return device;
}

function checkLimits(gpu: GPUDevice, kernel: Kernel, params: Params): void {
  const most = Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize);
  for (const { name, length } of kernel.bindings) {
    const bytes = length(params) * 4;
    if (bytes > most) {
      throw new RangeError(
        `Cannot run ${kernel.name} on WebGPU: ${name} has ${bytes} bytes, expected at most ${most} (maxStorageBufferBindingSize)`,
      );
    }
  }
  const blocks = gpu.limits.maxComputeWorkgroupsPerDimension;
  for (const { entry, grid } of kernel.stages) {
    const [x, y] = grid(params);
    if (Math.max(x, y) > blocks) {
      throw new RangeError(
        `Cannot run ${kernel.name} on WebGPU: ${entry} needs ${x} × ${y} blocks, expected at most ${blocks} a side`,
      );
    }
  }
}

/** Runs `body` in error scopes and throws what the device reports. Synchronous, so that scopes of two calls never mix. */
async function scoped<T>(gpu: GPUDevice, kernel: Kernel, body: () => T): Promise<T> {
  const scopes = ["internal", "out-of-memory", "validation"] as const;
  for (const scope of scopes) gpu.pushErrorScope(scope);
  let reports: Promise<GPUError | null>[];
  let result: T;
  try {
    result = body();
  } finally {
    reports = scopes.map(() => gpu.popErrorScope());
  }
  const error = (await Promise.all(reports)).find((report) => report !== null);
  if (error) throw new Error(`Cannot run ${kernel.name} on WebGPU: ${error.message}`);
  return result;
}

/** Waits for `work`, or throws if the device is lost meanwhile. */
function unlessLost<T>(gpu: GPUDevice, kernel: Kernel, work: Promise<T>): Promise<T> {
  const lost = gpu.lost.then(({ message }): never => {
    throw new Error(`Cannot run ${kernel.name} on WebGPU: the device was lost (${message})`);
  });
  return Promise.race([work, lost]);
}

async function compile(gpu: GPUDevice, kernel: Kernel): Promise<Compiled> {
  const code = await kernelSource(kernel, "wgsl");
  return scoped(gpu, kernel, () => {
    const types = kernel.bindings.map(({ role }): GPUBufferBindingType =>
      role === "in" ? "read-only-storage" : "storage"
    );
    const layout = gpu.createBindGroupLayout({
      entries: [...types, "uniform" as const].map((type, binding) => ({
        binding,
        visibility: COMPUTE_STAGE,
        buffer: { type },
      })),
    });
    const module = gpu.createShaderModule({ label: kernel.name, code });
    const pipelines = kernel.stages.map(({ entry }) =>
      gpu.createComputePipeline({
        layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: entry },
      })
    );
    return { layout, pipelines };
  });
}

async function prepare(
  gpu: GPUDevice,
  { layout, pipelines }: Compiled,
  kernel: Kernel,
  inputs: Readonly<Record<string, Words>>,
  params: Params,
): Promise<Prepared> {
  const packed = packParams(kernel, params);
  const buffers: GPUBuffer[] = [];
  const create = (bytes: number, flags: number) => {
    const buffer = gpu.createBuffer({ size: Math.max(16, bytes), usage: flags });
    buffers.push(buffer);
    return buffer;
  };
  const release = () => buffers.forEach((buffer) => buffer.destroy());
  const storage = usage.storage | usage.copyTarget | usage.copySource;

  let group: GPUBindGroup;
  try {
    group = await scoped(gpu, kernel, () => {
      for (const { length } of kernel.bindings) create(length(params) * 4, storage);
      create(packed.byteLength, usage.uniform | usage.copyTarget);
      const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
      kernel.bindings.forEach(({ name, role }, i) => {
        if (role === "in") gpu.queue.writeBuffer(buffers[i], 0, inputs[name]);
      });
      gpu.queue.writeBuffer(buffers[kernel.bindings.length], 0, packed);
      return gpu.createBindGroup({ layout, entries });
    });
  } catch (error) {
    release();
    throw error;
  }

  return {
    async launch(times = 1) {
      await scoped(gpu, kernel, () => {
        const encoder = gpu.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setBindGroup(0, group);
        for (let i = 0; i < times; i++) {
          kernel.stages.forEach(({ grid }, stage) => {
            pass.setPipeline(pipelines[stage]);
            pass.dispatchWorkgroups(...grid(params));
          });
        }
        pass.end();
        gpu.queue.submit([encoder.finish()]);
      });
      await unlessLost(gpu, kernel, gpu.queue.onSubmittedWorkDone());
    },
    async read() {
      const outputs: Record<string, Words> = {};
      for (const [i, { name, role, type, length }] of kernel.bindings.entries()) {
        if (role === "out") {
          outputs[name] = asWords(type, await download(gpu, kernel, buffers[i], length(params) * 4));
        }
      }
      return outputs;
    },
    release,
  };
}

async function download(
  gpu: GPUDevice,
  kernel: Kernel,
  buffer: GPUBuffer,
  size: number,
): Promise<ArrayBuffer> {
  const staging = await scoped(gpu, kernel, () => {
    const staging = gpu.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
    gpu.queue.submit([encoder.finish()]);
    return staging;
  });
  try {
    await unlessLost(gpu, kernel, staging.mapAsync(MAP_READ));
    return staging.getMappedRange().slice(0);
  } finally {
    staging.destroy();
  }
}
