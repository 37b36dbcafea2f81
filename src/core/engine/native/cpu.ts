/** The reference engine: ONNX Runtime on the CPU, the library that `npm:onnxruntime-node` ships. */
import { refusal } from "../../entry/mod.ts";
import { fileURLToPath } from "node:url";
import { cpuLowering, int8Lowering, type Lowering } from "../../onnx/mod.ts";
import { bytesOf, type Tensor, threadsAllowed } from "../../tensor/mod.ts";
import type { Engine, Precision } from "../engine.ts";
import { availableBytes, expectShortCommandLine } from "./memory.ts";
import { type Environment, openEnvironment } from "./environment.ts";
import { type Library, openLibrary } from "./library.ts";
import { nativeEngine } from "./native.ts";
import { type Block, openStock, type Provider } from "./held.ts";

/** Where the package has its library, from its entry. */
const files: Record<string, string> = {
  linux: "libonnxruntime.so.1",
  darwin: "libonnxruntime.1.dylib",
  windows: "onnxruntime.dll",
};
const systems: Record<string, string> = { linux: "linux", darwin: "darwin", windows: "win32" };
const machines: Record<string, string> = { x86_64: "x64", aarch64: "arm64" };

/** Keeps the package among what Deno fetches and finds; its binding is not used. */
const _binding = () => import("onnxruntime-node");

function libraryPath(): URL {
  const { os, arch } = Deno.build;
  const folder = `../bin/napi-v6/${systems[os]}/${machines[arch]}/`;
  const entry = import.meta.resolve("onnxruntime-node");
  if (!entry.startsWith("file:")) throw new Error(`its package is at ${entry.slice(0, 40)}, expected a file`);
  return new URL(folder + files[os], entry);
}

type Opened = { readonly library: Library; readonly environment: Environment };

let opened: Opened | undefined;

/** Opened once, at the first engine. */
export function openCpuLibrary(threads: number = threadsRequested()): Opened {
  if (opened) return opened;
  expectShortCommandLine();
  try {
    const library = openLibrary(fileURLToPath(libraryPath()));
    return opened = { library, environment: openEnvironment(library, threads) };
  } catch (error) {
    throw new Error(
      `Cannot run a model: ONNX Runtime cannot be loaded (${(error as Error).message})`,
      { cause: error },
    );
  }
}

/** More threads than the largest machines have. The library allocates memory for each thread and fails without naming the cause. */
const MOST_THREADS = 1024;

/** Threads per product; 0 means one for each core. */
export function threadsRequested(): number {
  const threads = threadsAllowed();
  if (threads > MOST_THREADS) {
    const why = `OMP_NUM_THREADS is ${threads}, expected at most ${MOST_THREADS}`;
    throw refusal(RangeError, "use the engine cpu", why);
  }
  return threads;
}

/**
 * Opens the CPU engine. `threads` per product, of the process's first engine; default: those of OMP_NUM_THREADS. Throws `RangeError`
 * if that is too large.
 */
export function cpuEngine(
  { threads = threadsRequested(), precision = "float32" }: {
    readonly threads?: number;
    readonly precision?: Precision;
  } = {},
): Engine {
  const opened = openCpuLibrary(threads);
  const lowering = precision === "int8" ? int8Lowering : cpuLowering;
  return nativeEngine(opened, cpuProvider(opened, { threads, precision, lowering }));
}

/** The CPU and its memory, which plug-ins compute in too. */
export function cpuProvider(
  { library, environment }: Opened,
  { threads, precision, lowering }: {
    readonly threads: number;
    readonly precision: Precision;
    readonly lowering: Lowering;
  },
): Provider {
  const pool = openPool();
  return {
    name: "cpu",
    version: `onnxruntime ${library.version}`,
    device: null,
    precision,
    has: {
      ...lowering,
      bindingBytes: Infinity,
      get memoryBytes() {
        return Math.floor(WEIGHTS * availableBytes());
      },
    },
    memory: environment.cpuMemory,
    stream: null,
    configure(options, packed) {
      if (packed) library.call("SetIntraOpNumThreads", options, threads);
    },
    runEntries: {},
    allocate: pool.allocate,
    place: borrowed,
    copy(from, to, bytes) {
      const { memory, offset } = to as CpuBlock;
      Deno.UnsafePointerView.copyInto(from, new Uint8Array(memory, offset, bytes));
    },
    download: (block, bytes) => Promise.resolve(bytesAt(block, bytes)),
    close: pool.clear,
  };
}

function bytesAt({ address }: Block, bytes: number): ArrayBuffer {
  if (bytes === 0) return new ArrayBuffer(0);
  return Deno.UnsafePointerView.getArrayBuffer(address as Deno.PointerObject, bytes);
}

/** The memory of a tensor itself, kept from collection until it is freed: by a view, and by its address, as Deno has it. */
function borrowed({ data }: Tensor): Block {
  const view = bytesOf(data);
  const block: { address: Deno.PointerValue; view: Uint8Array | null; free(): void } = {
    address: Deno.UnsafePointer.of(view),
    view,
    free() {
      block.address = block.view = null;
    },
  };
  return block;
}

/** Share of the free memory that weights may take: states, logits, and copies while programs are compiled need the rest. */
const WEIGHTS = 1 / 2;
/** Products are fastest on memory that starts with a cache line. */
const ALIGNMENT = 64;
/** Bytes that stay while nobody uses them. */
const IDLE_BYTES = 64 * 2 ** 20;

interface CpuBlock extends Block {
  readonly address: Deno.PointerObject;
  readonly memory: ArrayBuffer;
  readonly offset: number;
}

/** Blocks that are lent again once they are free; `clear` gives back unused ones. */
function openPool() {
  const stock = openStock(
    (bytes) => new ArrayBuffer(bytes + ALIGNMENT),
    (memory) => void memory.transfer(0), // at once: the garbage collector sees large buffers too late
    IDLE_BYTES,
  );
  return {
    allocate(bytes: number): CpuBlock {
      const memory = stock.take(bytes);
      const start = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory)));
      const offset = (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT;
      return {
        memory,
        offset,
        address: Deno.UnsafePointer.of(new Uint8Array(memory, offset))!,
        free: () => stock.give(bytes, memory),
      };
    },
    clear: stock.clear,
  };
}
