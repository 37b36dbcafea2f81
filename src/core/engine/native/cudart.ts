/**
 * CUDA's runtime over FFI: memory, copies, one stream. It keeps a current device for each thread, the first one by
 * default, so that the library's calls from other threads and ours from this one agree.
 *
 * A device works behind the calls: the call that waits for its work reports its errors.
 */
import { openCudaLibrary } from "../../libraries/mod.ts";

const symbols = {
  cudaGetErrorName: { parameters: ["i32"], result: "pointer" },
  cudaGetLastError: { parameters: [], result: "i32" },
  cudaGetDeviceCount: { parameters: ["buffer"], result: "i32" },
  cudaGetDeviceProperties: { parameters: ["buffer", "i32"], result: "i32" },
  cudaMemGetInfo: { parameters: ["buffer", "buffer"], result: "i32" },
  cudaMalloc: { parameters: ["buffer", "usize"], result: "i32" },
  cudaFree: { parameters: ["pointer"], result: "i32" },
  cudaMallocHost: { parameters: ["buffer", "usize"], result: "i32" },
  cudaFreeHost: { parameters: ["pointer"], result: "i32" },
  cudaMemcpyAsync: { parameters: ["pointer", "pointer", "usize", "i32", "pointer"], result: "i32" },
  cudaStreamCreateWithFlags: { parameters: ["buffer", "u32"], result: "i32" },
  cudaStreamSynchronize: { parameters: ["pointer"], result: "i32", nonblocking: true },
  cudaEventCreateWithFlags: { parameters: ["buffer", "u32"], result: "i32" },
  cudaEventRecord: { parameters: ["pointer", "pointer"], result: "i32" },
  cudaEventSynchronize: { parameters: ["pointer"], result: "i32" },
  cudaEventDestroy: { parameters: ["pointer"], result: "i32" },
} as const;

/** `cudaMemcpyKind`. */
export const TO_DEVICE = 1;
export const FROM_DEVICE = 2;
export const ON_DEVICE = 3;
/** `cudaErrorMemoryAllocation`. */
const OUT_OF_MEMORY = 2;
/** `cudaStreamNonBlocking`: the default stream, which nobody here uses, waits for nothing. */
const NON_BLOCKING = 1;
/** `cudaEventDisableTiming`. */
const NO_TIMES = 2;
/** More than `cudaDeviceProp` has in any version; it begins with the name. */
const PROPERTIES_BYTES = 8192;
const NAME_BYTES = 256;

/** The first device of this machine. */
export type Cudart = ReturnType<typeof openCudart>;
/** A place in the stream of work. */
export type Mark = ReturnType<Cudart["openMark"]>;

/** Opens the runtime and the machine's first device. Throws `Error` where there is none. */
export function openCudart() {
  const cuda = openCudaLibrary("libcudart.so.13", symbols).symbols;
  function nameOf(code: number): string {
    const name = cuda.cudaGetErrorName(code);
    return name ? Deno.UnsafePointerView.getCString(name) : `error ${code}`;
  }
  function succeed(call: string, code: number): void {
    if (code === 0) return;
    cuda.cudaGetLastError(); // else the next to ask, in the library, takes it for an error of its own
    throw new Error(`Cannot use the CUDA device: ${call} returned ${nameOf(code)}`);
  }
  function made(call: string, make: (place: BigUint64Array<ArrayBuffer>) => number): Deno.PointerObject {
    const place = new BigUint64Array(1);
    succeed(call, make(place));
    return Deno.UnsafePointer.create(place[0])!;
  }
  function room(): { free: number; total: number } {
    const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
    succeed("cudaMemGetInfo", cuda.cudaMemGetInfo(free, total));
    return { free: Number(free[0]), total: Number(total[0]) };
  }

  succeed("cudaGetDeviceCount", cuda.cudaGetDeviceCount(new Int32Array(1)));
  const properties = new Uint8Array(PROPERTIES_BYTES);
  succeed("cudaGetDeviceProperties", cuda.cudaGetDeviceProperties(properties, 0));
  const name = new TextDecoder().decode(properties.subarray(0, NAME_BYTES)).split("\0")[0];
  const stream = made(
    "cudaStreamCreateWithFlags",
    (place) => cuda.cudaStreamCreateWithFlags(place, NON_BLOCKING),
  );

  return {
    device: name,
    memory: room().total,
    freeBytes: () => room().free,
    /** The one stream (CUstream) of all work. */
    stream,
    /** Memory of the device. Throws `RangeError` where there is not enough. */
    allocate(bytes: number): Deno.PointerObject {
      const place = new BigUint64Array(1);
      const code = cuda.cudaMalloc(place, BigInt(Math.max(1, bytes)));
      if (code !== OUT_OF_MEMORY) succeed("cudaMalloc", code);
      else {
        cuda.cudaGetLastError();
        const { free, total } = room();
        throw new RangeError(
          `Cannot hold ${bytes} bytes on ${name}: cudaMalloc returned ${nameOf(code)}, ` +
            `${free} of ${total} bytes are free`,
        );
      }
      return Deno.UnsafePointer.create(place[0])!;
    },
    free: (address: Deno.PointerObject) => void cuda.cudaFree(address), // its error is one of earlier work, which a read tells
    /** Memory of the CPU that the device reads and writes by itself. */
    allocatePinned: (bytes: number) =>
      made("cudaMallocHost", (place) => cuda.cudaMallocHost(place, BigInt(bytes))),
    freePinned: (address: Deno.PointerObject) => void cuda.cudaFreeHost(address),
    /** Copies once all work before has ended. Pinned memory has to stay as it is until then. */
    copy(to: Deno.PointerValue, from: Deno.PointerValue, bytes: number, direction: number): void {
      succeed("cudaMemcpyAsync", cuda.cudaMemcpyAsync(to, from, BigInt(bytes), direction, stream));
    },
    /** Resolves when all work so far has ended; the event loop runs meanwhile. */
    async ended(): Promise<void> {
      succeed("cudaStreamSynchronize", await cuda.cudaStreamSynchronize(stream));
    },
    openMark() {
      const event = made("cudaEventCreate", (place) => cuda.cudaEventCreateWithFlags(place, NO_TIMES));
      return {
        /** Puts it behind all work so far. */
        set: () => succeed("cudaEventRecord", cuda.cudaEventRecord(event, stream)),
        /** Blocks until the device has come to where it was set last; at once where it never was. */
        wait: () => succeed("cudaEventSynchronize", cuda.cudaEventSynchronize(event)),
        close: () => void cuda.cudaEventDestroy(event),
      };
    },
  };
}
