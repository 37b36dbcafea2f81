/**
 * The engine `webgpu`: ONNX Runtime for the web on Deno's own device, which it shares with our kernels.
 *
 * Graphs run wholly on the device or not at all. Work is given to the device in the order of the calls: runs, copies of
 * outputs and reads wait for those before them, and so does freed memory.
 */
import { webgpuLowering } from "../../onnx/mod.ts";
import { bufferUsage } from "../../libraries/mod.ts";
import { type Tensor, viewOf } from "../../tensor/mod.ts";
import { checkLength, type Engine, programStore } from "../engine.ts";
import { anchorModel, type Gpu, loadOrt, openGpu, type Ort, type Runtime } from "./gpu.ts";
import { openShelf, type WebHeld } from "./held.ts";
import { createProgram } from "./session.ts";

/** `GPUMapMode.READ`. */
const MAP_READ = 0x1;
/** Bytes of weights on a device: WebGPU does not tell its memory. Devices that run models at all have more; `--memory` sets it. */
const MEMORY = 2 * 2 ** 30;

/** Opens the engine on this machine's WebGPU device. Throws `Error` if there is none. */
export async function webgpuEngine(): Promise<Engine> {
  const gpu = await openGpu().catch((error: Error) => {
    throw new Error(`Cannot use WebGPU: ${error.message}`, { cause: error });
  });
  const ort = await loadOrt();
  let anchor: Runtime.InferenceSession | null = await ort.lane(() =>
    gpu.guard("open a session", () => ort.open(gpu.device, anchorModel()))
  );
  const shelf = openShelf(gpu, ort);
  const bindingBytes = gpu.device.limits.maxStorageBufferBindingSize;
  const programs = programStore(
    (graph) => createProgram({ gpu, ort, shelf, bindingBytes }, graph),
    webgpuLowering,
  );
  return {
    name: "webgpu",
    version: ort.version,
    device: gpu.name,
    precision: "float32",
    has: { ...webgpuLowering, bindingBytes, memoryBytes: MEMORY },
    access: {
      kind: "webgpu",
      device: gpu.device,
      buffer: (held) => shelf.own("a tensor", held).buffer,
      allocate: shelf.allocate,
    },
    residents: null,
    upload(tensor) {
      checkLength(tensor);
      return shelf.upload(tensor);
    },
    async read(held) {
      return await read(gpu, ort, shelf.own("a tensor", held));
    },
    compile: programs.compile,
    get live() {
      return shelf.live;
    },
    async close() {
      shelf.clear();
      await programs.close();
      await ort.lane(() => anchor?.release());
      anchor = null;
    },
  };
}

/** A held tensor in CPU memory, a copy. */
async function read(gpu: Gpu, ort: Ort, { dtype, shape, buffer, bytes, made }: WebHeld): Promise<Tensor> {
  if (bytes === 0) return { dtype, shape, data: viewOf(dtype, new ArrayBuffer(0)) };
  const size = Math.ceil(bytes / 4) * 4;
  const staging = await ort.lane(() => made.then(() => copied(gpu, buffer, size)));
  try {
    await gpu.unlessLost("read a tensor", staging.mapAsync(MAP_READ));
    return { dtype, shape, data: viewOf(dtype, staging.getMappedRange().slice(0, bytes)) };
  } finally {
    staging.destroy();
  }
}

/** A copy that the CPU can read, once the device has made it. */
function copied({ device, guard }: Gpu, buffer: GPUBuffer, size: number): Promise<GPUBuffer> {
  return guard("read a tensor", () => {
    const staging = device.createBuffer({ size, usage: bufferUsage.mapRead | bufferUsage.copyTarget });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    return Promise.resolve(staging);
  });
}
