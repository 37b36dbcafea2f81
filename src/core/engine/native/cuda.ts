/**
 * ONNX Runtime on an NVIDIA GPU: the library of the Python package, with the CUDA provider beside it (`lamina cuda`).
 *
 * All work is in one stream, the order of the calls: uploads, runs, our kernels, reads. So no run needs to be awaited, and
 * freed memory may be used again at once. States and weights are allocated here; all sessions share
 * the library's arena, which has only temporaries. A graph runs wholly on the device or not at all, and without cuDNN.
 */
import { bytesOf } from "../../tensor/mod.ts";
import { oneByOne, refusal } from "../../entry/mod.ts";
import { cString, cudaLibraries, openCudaLibrary, textPairs } from "../../libraries/mod.ts";
import { cudaLowering } from "../../onnx/mod.ts";
import type { Engine, Precision } from "../engine.ts";
import { expectShortCommandLine } from "./memory.ts";
import { type Cudart, ON_DEVICE, openCudart } from "./cudart.ts";
import { type Environment, openArena, openEnvironment } from "./environment.ts";
import { type Library, openLibrary } from "./library.ts";
import { nativeEngine } from "./native.ts";
import { openStock, type Provider } from "./held.ts";
import { openStaging } from "./staging.ts";

const LIBRARY = "libonnxruntime.so.1.30.0";
/** Libraries that the provider is linked to; it finds them by name once they are open. */
const LINKED = ["libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10"];
/** Part of the device's memory that may lie idle, kept for its next use. */
const IDLE = 1 / 8;
/** Bytes that weights leave to states, logits and the library's temporaries, besides what may lie idle. */
const RESERVED = 2 ** 30;

/** The device, the library and its shared state: opened once, at the first engine. */
interface Opened {
  readonly cuda: Cudart;
  readonly library: Library;
  readonly environment: Environment;
  /** `OrtMemoryInfo` of the device's memory. */
  readonly memory: Deno.PointerObject;
}

let opened: Opened | undefined;

/** Opens the engine on the first CUDA device. Throws `Error` if there is none, or if a library is missing. */
export function cudaEngine({ precision = "float32" as Precision } = {}): Engine {
  opened ??= open();
  return nativeEngine(opened, cudaProvider(opened, precision));
}

function open(): Opened {
  try {
    openCudaLibrary("libcuda.so.1", {});
  } catch (error) {
    throw refusal(Error, "use CUDA", "the NVIDIA driver (libcuda.so.1) is not installed", { cause: error });
  }
  expectShortCommandLine();
  const cuda = openCudart();
  for (const name of [...LINKED, LIBRARY]) openCudaLibrary(name, {});
  const library = openLibrary(cudaLibraries(LIBRARY)[0]);
  const environment = openEnvironment(library, 0);
  const memory = library.make("CreateMemoryInfo", cString("Cuda"), 0, 0, 0);
  const arena = openArena(library, { arena_extend_strategy: 1 });
  const shared = [cString("CUDAExecutionProvider"), memory, arena, ...textPairs({ device_id: "0" })];
  library.call("CreateAndRegisterAllocatorV2", environment.address, ...shared);
  library.plain("ReleaseArenaCfg", arena);
  const inOrder = oneByOne(); // runs share a stream; the device works on behind them
  const ordered: Library = { ...library, run: (...args) => inOrder(() => library.run(...args)) };
  return { cuda, library: ordered, environment, memory };
}

function cudaProvider({ cuda, library, memory }: Opened, precision: Precision): Provider {
  const stock = openStock(cuda.allocate, cuda.free, IDLE * cuda.memory);
  const staging = openStaging(cuda);

  function allocate(bytes: number) {
    const address = taken(bytes);
    return { address, free: () => stock.give(bytes, address) };
  }
  function taken(bytes: number): Deno.PointerObject {
    try {
      return stock.take(bytes);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      stock.clear(); // what lies idle may be what is missing
      return stock.take(bytes);
    }
  }
  return {
    name: "cuda",
    version: `onnxruntime ${library.version}`,
    device: cuda.device,
    precision,
    has: {
      ...cudaLowering(precision === "bfloat16" ? "bf16" : "f32"),
      bindingBytes: Infinity,
      get memoryBytes() {
        return Math.max(0, cuda.freeBytes() - IDLE * cuda.memory - RESERVED);
      },
    },
    memory,
    stream: cuda.stream,
    configure(options) {
      library.configure("AddSessionConfigEntry", options, { "session.disable_cpu_ep_fallback": "1" });
      const settings = textPairs({
        device_id: "0",
        use_tf32: precision === "tf32" ? "1" : "0",
        arena_extend_strategy: "kSameAsRequested",
        enable_cudnn: "0", // what runs here runs everywhere
      });
      const own = library.make("CreateCUDAProviderOptions");
      try {
        library.call("UpdateCUDAProviderOptions", own, ...settings);
        library.call("UpdateCUDAProviderOptionsWithValue", own, cString("user_compute_stream"), cuda.stream);
        library.call("SessionOptionsAppendExecutionProvider_CUDA_V2", options, own);
      } finally {
        library.plain("ReleaseCUDAProviderOptions", own);
      }
    },
    runEntries: { disable_synchronize_execution_providers: "1" },
    allocate,
    place({ data }) {
      const block = allocate(data.byteLength);
      try {
        staging.upload(block.address, bytesOf(data));
        return block;
      } catch (error) {
        block.free();
        throw error;
      }
    },
    copy: (from, to, bytes) => cuda.copy(to.address, from, bytes, ON_DEVICE),
    download: ({ address }, bytes) => staging.read(address!, bytes),
    close() {
      staging.close();
      stock.clear();
    },
  };
}
