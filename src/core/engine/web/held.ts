/**
 * Tensors in a device's memory: buffers of our own, or those of ONNX Runtime's outputs, which go back to it.
 *
 * A freed tensor is gone for its owner at once; its memory is given back when earlier work has ended.
 */
import { bufferUsage } from "../../libraries/mod.ts";
import {
  byteSize,
  bytesOf,
  type DType,
  elements,
  float32,
  type Tensor,
  toFloat32,
} from "../../tensor/mod.ts";
import { type Held, ownHeld } from "../engine.ts";
import type { Gpu, Ort, OrtTensor, Runtime } from "./gpu.ts";

const STORAGE = bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyTarget;
/** Kernels read whole vectors, and copies whole words. */
const ALIGNMENT = 16;

/** ONNX Runtime's names of the element types of its buffers; it has no others. */
const elementTypes: Partial<Record<DType, Runtime.Tensor.GpuBufferDataTypes>> = {
  f32: "float32",
  f16: "float16",
  i64: "int64",
  i32: "int32",
  u8: "uint8",
  bool: "bool",
};

interface Memory {
  readonly buffer: GPUBuffer;
  /** Rejects if the memory could not be allocated. */
  readonly made: Promise<void>;
  release(): unknown;
}

export interface WebHeld extends Held, Omit<Memory, "release"> {
  readonly bytes: number;
  /** As ONNX Runtime has it. Throws `TypeError` for a type that it has not. */
  tensor(name: string): OrtTensor;
}

export type Output = { readonly tensor: OrtTensor; dispose(): Promise<void> };

export type Shelf = ReturnType<typeof openShelf>;

export function openShelf(gpu: Gpu, ort: Ort) {
  const live = new Set<WebHeld>();

  function hold(
    dtype: DType,
    shape: readonly number[],
    { buffer, made, release }: Memory,
    output?: OrtTensor,
  ): WebHeld {
    let tensor = output;
    const held: WebHeld = {
      dtype,
      shape: [...shape],
      buffer,
      bytes: elements(shape) * byteSize(dtype),
      made,
      tensor(name) {
        if (tensor) return tensor;
        const dataType = elementTypes[dtype];
        if (!dataType) {
          throw new TypeError(`Cannot feed ${name} on WebGPU: it has no elements of type ${dtype}`);
        }
        return tensor = ort.Tensor.fromGpuBuffer(buffer, { dataType, dims: [...shape] });
      },
      free() {
        if (!live.delete(held)) return;
        ort.lane(release).catch(() => {}); // where the library has failed for good, so have runs
      },
    };
    live.add(held);
    return held;
  }

  /** A tensor in new memory; what is in it is undefined. */
  const allocate = (dtype: DType, shape: readonly number[]) =>
    hold(dtype, shape, newMemory(gpu, dtype, shape));

  return {
    get live() {
      return live.size;
    },
    /** A tensor in CPU memory as one in new memory; BF16 is widened. */
    upload(tensor: Tensor): WebHeld {
      const { dtype, shape, data } = tensor.dtype === "bf16"
        ? float32(tensor.shape, toFloat32(tensor))
        : tensor;
      return hold(dtype, shape, newMemory(gpu, dtype, shape, data));
    },
    allocate,
    adopt(dtype: DType, { tensor, dispose }: Output): WebHeld {
      const { dims, location } = tensor;
      if (location !== "gpu-buffer") { // an empty one has no buffer
        ort.lane(dispose).catch(() => {});
        return allocate(dtype, dims);
      }
      const memory = { buffer: tensor.gpuBuffer as GPUBuffer, made: Promise.resolve(), release: dispose };
      return hold(dtype, dims, memory, tensor);
    },
    own: (name: string, held: Held | undefined) => ownHeld(live, "webgpu", name, held),
    clear(): void {
      for (const held of live) held.free();
    },
  };
}

/** New memory for a tensor, and the tensor in it. Throws `RangeError` for more than a buffer can be. */
function newMemory(gpu: Gpu, dtype: DType, shape: readonly number[], data?: Tensor["data"]): Memory {
  const bytes = elements(shape) * byteSize(dtype);
  const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
  const { maxBufferSize } = gpu.device.limits;
  if (size > maxBufferSize) {
    throw new RangeError(
      `Cannot hold ${bytes} bytes on ${gpu.name}: expected at most ${maxBufferSize} (maxBufferSize)`,
    );
  }
  const { result: buffer, checked } = gpu.check(`hold ${bytes} bytes`, () => {
    const buffer = gpu.device.createBuffer({ size, usage: STORAGE });
    if (data && bytes > 0) write(gpu.device, buffer, data);
    return buffer;
  });
  checked.catch(() => {}); // its user gets the error
  return { buffer, made: checked, release: () => buffer.destroy() };
}

/** Copies are of whole words: a last part of one comes with zeros. */
function write(device: GPUDevice, buffer: GPUBuffer, data: Tensor["data"]): void {
  const bytes = bytesOf(data);
  const words = bytes.length - bytes.length % 4;
  if (words > 0) device.queue.writeBuffer(buffer, 0, bytes, 0, words);
  if (words === bytes.length) return;
  const last = new Uint8Array(4);
  last.set(bytes.subarray(words));
  device.queue.writeBuffer(buffer, words, last);
}
