/** The reference engine: ONNX Runtime on the CPU, the library that `npm:onnxruntime-node` ships. */
import { cpuLowering } from "../../onnx/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import type { Engine } from "../engine.ts";
import { expectShortCommandLine } from "./command_line.ts";
import { type Environment, openEnvironment } from "./environment.ts";
import { type Library, openLibrary } from "./library.ts";
import { nativeEngine } from "./native.ts";
import { type CpuBlock, openPool } from "./pool.ts";
import type { Block, Provider } from "./provider.ts";

/** Where the package has its library, from its entry. */
const files: Record<string, string> = {
  linux: "libonnxruntime.so.1",
  darwin: "libonnxruntime.1.dylib",
  windows: "onnxruntime.dll",
};
const systems: Record<string, string> = { linux: "linux", darwin: "darwin", windows: "win32" };
const machines: Record<string, string> = { x86_64: "x64", aarch64: "arm64" };

/** Keeps the package among what Deno fetches and finds; its binding is not used. */
export const binding = () => import("onnxruntime-node");

function libraryPath(): URL {
  const { os, arch } = Deno.build;
  const folder = `../bin/napi-v6/${systems[os]}/${machines[arch]}/`;
  const entry = import.meta.resolve("onnxruntime-node");
  if (!entry.startsWith("file:")) throw new Error(`its package is at ${entry.slice(0, 40)}, expected a file`);
  return new URL(folder + files[os], entry);
}

let opened: { library: Library; environment: Environment } | undefined;

/** The library and its environment: opened once, at the first engine. */
function open(threads: number): { library: Library; environment: Environment } {
  if (opened) return opened;
  expectShortCommandLine();
  try {
    const library = openLibrary(fromFileUrl(libraryPath()));
    return opened = { library, environment: openEnvironment(library, threads) };
  } catch (error) {
    throw new Error(
      `Cannot run a model: ONNX Runtime cannot be loaded (${(error as Error).message})`,
      { cause: error },
    );
  }
}

function fromFileUrl(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.slice(1).replaceAll("/", "\\") : path;
}

/** Opens the CPU engine. `threads` per product, of the process's first engine; 0 takes every core. */
export function cpuEngine({ threads = 0 } = {}): Engine {
  const { library, environment } = open(threads);
  return nativeEngine(library, environment.address, cpuProvider(library, environment, threads));
}

function cpuProvider(library: Library, environment: Environment, threads: number): Provider {
  const pool = openPool();
  return {
    name: "cpu",
    version: `onnxruntime ${library.version}`,
    device: null,
    precision: "float32",
    has: { ...cpuLowering, bindingBytes: Infinity },
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

/** The memory of a tensor itself, kept from collection for as long. */
function borrowed({ data }: Tensor): Block {
  const view = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const block = { address: Deno.UnsafePointer.of(view), view, free() {} };
  return block;
}
