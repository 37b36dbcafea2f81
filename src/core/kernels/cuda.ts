/**
 * Kernels on CUDA, through the driver's own library over FFI and NVRTC: no toolkit, no compiled add-on. They are launched on the
 * engine's stream over the engine's memory.
 *
 * The driver API keeps a current context per thread, so every call is made on the main thread, in the context of the stream,
 * and none blocks it. Each source is compiled to the machine code of the card at hand (CUBIN), which any driver of the same CUDA
 * generation loads, where PTX of a newer NVRTC would be refused; it stays loaded as long as the process.
 */
import type { CudaAccess, Held } from "../engine/mod.ts";
import { cString, cudaLibraries, openCudaLibrary, pointerList } from "../libraries/mod.ts";
import { type Kernel, kernelSource, type Params, placesOf } from "./kernel.ts";
import { dirname, join } from "node:path";

// Handles are pointers, device addresses (CUdeviceptr) are u64.
const symbols = {
  cuGetErrorName: { parameters: ["i32", "buffer"], result: "i32" },
  cuStreamGetCtx: { parameters: ["pointer", "buffer"], result: "i32" },
  cuCtxSetCurrent: { parameters: ["pointer"], result: "i32" },
  cuCtxGetDevice: { parameters: ["buffer"], result: "i32" },
  cuDeviceGetAttribute: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  cuModuleLoadData: { parameters: ["buffer", "buffer"], result: "i32" },
  cuModuleGetFunction: { parameters: ["buffer", "pointer", "buffer"], result: "i32" },
  cuLaunchKernel: {
    parameters: ["pointer", "u32", "u32", "u32", "u32", "u32", "u32", "u32", "pointer", "buffer", "pointer"],
    result: "i32",
  },
} as const;

type Driver = Deno.DynamicLibrary<typeof symbols>["symbols"];

const COMPUTE_CAPABILITY_MAJOR = 75;
const COMPUTE_CAPABILITY_MINOR = 76;

/** Opened at the first launch. */
let opened: { readonly driver: Driver; readonly compiler: Nvrtc } | undefined;
/** The functions of each kernel's stages. */
const loaded = new Map<Kernel, Promise<Deno.PointerValue[]>>();

/** Starts all stages; `buffers` in binding order. */
export async function startOnCuda(
  { stream, address }: CudaAccess,
  kernel: Kernel,
  buffers: readonly Held[],
  packed: Uint8Array<ArrayBuffer>,
  params: Params,
): Promise<void> {
  const { driver, compiler } = opened ??= open(kernel);
  const call = callsOf(driver, kernel);
  enter(driver, call, stream);
  if (!loaded.has(kernel)) loaded.set(kernel, load(driver, compiler, call, kernel));
  const stages = await loaded.get(kernel)!.catch((error) => {
    loaded.delete(kernel); // the next launch tries again
    throw error;
  });
  enter(driver, call, stream);
  // A launch takes pointers to its arguments: each buffer's address, then the struct of parameters.
  const places = placesOf(kernel, buffers, address).map((place) =>
    new Uint8Array(BigUint64Array.of(place).buffer)
  );
  const list = pointerList([...places, packed]);
  kernel.stages.forEach(({ entry, block, grid }, i) =>
    call(
      `cuLaunchKernel (${entry})`,
      driver.cuLaunchKernel(stages[i], ...grid(params), block, 1, 1, 0, stream, list, null),
    )
  );
}

function open(kernel: Kernel): NonNullable<typeof opened> {
  const compiler = openNvrtc();
  if (!compiler) {
    throw new Error(`Cannot run ${kernel.name} on CUDA: NVRTC is missing; run lamina cuda to install it`);
  }
  return { driver: openCudaLibrary("libcuda.so.1", symbols).symbols, compiler };
}

type Call = (what: string, code: number) => void;

/** Throws an error with the driver's answer to a call unless it succeeded. */
function callsOf(driver: Driver, kernel: Kernel): Call {
  return (what, code) => {
    if (code === 0) return;
    const name = new BigUint64Array(1);
    driver.cuGetErrorName(code, name);
    const pointer = Deno.UnsafePointer.create(name[0]);
    const text = pointer ? Deno.UnsafePointerView.getCString(pointer) : `error ${code}`;
    throw new Error(`Cannot run ${kernel.name} on CUDA: ${what} returned ${text}`);
  };
}

/** Makes the stream's context current in this thread. */
function enter(driver: Driver, call: Call, stream: Deno.PointerValue): void {
  const context = new BigUint64Array(1);
  call("cuStreamGetCtx", driver.cuStreamGetCtx(stream, context));
  call("cuCtxSetCurrent", driver.cuCtxSetCurrent(Deno.UnsafePointer.create(context[0])));
}

async function load(
  driver: Driver,
  compiler: Nvrtc,
  call: Call,
  kernel: Kernel,
): Promise<Deno.PointerValue[]> {
  const architecture = architectureOf(driver, call);
  const source = await kernelSource(kernel, "cu");
  const code = compiler.compile(`${kernel.name}.cu`, source, architecture);
  const place = new BigUint64Array(1);
  call("cuModuleLoadData", driver.cuModuleLoadData(place, code));
  const module = Deno.UnsafePointer.create(place[0]);
  return kernel.stages.map(({ entry }) => {
    call(`cuModuleGetFunction (${entry})`, driver.cuModuleGetFunction(place, module, cString(entry)));
    return Deno.UnsafePointer.create(place[0]);
  });
}

/** The current context's device as a compiler calls it: "sm_90". */
function architectureOf(driver: Driver, call: Call): string {
  const place = new Int32Array(1);
  call("cuCtxGetDevice", driver.cuCtxGetDevice(place));
  const device = place[0];
  const attribute = (which: number) => {
    call("cuDeviceGetAttribute", driver.cuDeviceGetAttribute(place, which, device));
    return place[0];
  };
  return `sm_${attribute(COMPUTE_CAPABILITY_MAJOR)}${attribute(COMPUTE_CAPABILITY_MINOR)}`;
}

const functions = {
  nvrtcVersion: { parameters: ["buffer", "buffer"], result: "i32" },
  nvrtcGetErrorString: { parameters: ["i32"], result: "pointer" },
  nvrtcCreateProgram: {
    parameters: ["buffer", "buffer", "buffer", "i32", "pointer", "pointer"],
    result: "i32",
  },
  nvrtcCompileProgram: { parameters: ["pointer", "i32", "buffer"], result: "i32" },
  nvrtcGetProgramLogSize: { parameters: ["pointer", "buffer"], result: "i32" },
  nvrtcGetProgramLog: { parameters: ["pointer", "buffer"], result: "i32" },
  nvrtcGetPTXSize: { parameters: ["pointer", "buffer"], result: "i32" },
  nvrtcGetPTX: { parameters: ["pointer", "buffer"], result: "i32" },
  nvrtcGetCUBINSize: { parameters: ["pointer", "buffer"], result: "i32" },
  nvrtcGetCUBIN: { parameters: ["pointer", "buffer"], result: "i32" },
  nvrtcDestroyProgram: { parameters: ["buffer"], result: "i32" },
} as const;

type Library = Deno.DynamicLibrary<typeof functions>["symbols"];

/**
 * Opens NVRTC over FFI, or gives null where it is not installed; no GPU is needed to compile. NVRTC loads its `-builtins` companion by
 * bare name, so that one is opened first, from the same folder. NVRTC has no headers, so kernels include none.
 */
export function openNvrtc() {
  for (const path of cudaLibraries("libnvrtc.so.13", "libnvrtc.so.12")) {
    const library = libraryAt(path);
    if (library) return nvrtcOver(library);
  }
  return null;
}

function libraryAt(path: string): Library | null {
  try {
    const folder = dirname(path);
    const beside = folder === "." ? [] : [...Deno.readDirSync(folder)].map(({ name }) => name);
    const builtins = beside.filter((name) => /^libnvrtc-builtins\.so/.test(name)).sort().at(-1);
    if (builtins !== undefined) Deno.dlopen(join(folder, builtins), {});
    return Deno.dlopen(path, functions).symbols;
  } catch {
    return null;
  }
}

type Nvrtc = ReturnType<typeof nvrtcOver>;

function nvrtcOver(library: Library) {
  const check = (call: string, code: number) => {
    if (code === 0) return;
    const message = Deno.UnsafePointerView.getCString(library.nvrtcGetErrorString(code)!);
    throw new Error(`Cannot compile CUDA: ${call} returned ${message}`);
  };
  const bytesOf = (what: "PTX" | "CUBIN" | "ProgramLog", program: Deno.PointerValue) => {
    const size = new BigUint64Array(1);
    check(`nvrtcGet${what}Size`, library[`nvrtcGet${what}Size`](program, size));
    const bytes = new Uint8Array(Number(size[0]));
    check(`nvrtcGet${what}`, library[`nvrtcGet${what}`](program, bytes));
    return bytes;
  };

  const version = new Int32Array(2);
  check("nvrtcVersion", library.nvrtcVersion(version, version.subarray(1)));
  return {
    version: version.join("."),
    /**
     * Compiles a source for a virtual architecture ("compute_90": PTX text) or a real one ("sm_90": CUBIN).
     * Throws `SyntaxError` with the compiler's log.
     */
    compile(name: string, source: string, architecture: string): Uint8Array<ArrayBuffer> {
      const handle = new BigUint64Array(1);
      const created = library.nvrtcCreateProgram(handle, cString(source), cString(name), 0, null, null);
      check("nvrtcCreateProgram", created);
      const program = Deno.UnsafePointer.create(handle[0]);
      try {
        const options = pointerList([cString(`--gpu-architecture=${architecture}`)]);
        if (library.nvrtcCompileProgram(program, 1, options) !== 0) {
          const log = new TextDecoder().decode(bytesOf("ProgramLog", program)).replace(/\0+$/, "");
          throw new SyntaxError(`Cannot compile ${name} for ${architecture}: ${log.trim() || "no log"}`);
        }
        return bytesOf(architecture.startsWith("sm_") ? "CUBIN" : "PTX", program);
      } finally {
        library.nvrtcDestroyProgram(handle);
      }
    },
  };
}
