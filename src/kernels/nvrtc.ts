/**
 * CUDA C++ to machine code at run time, by NVIDIA's NVRTC over FFI; no GPU is needed to compile.
 *
 * NVRTC loads its `-builtins` companion by bare name, so that one is opened first, from the same folder.
 *
 * Limit: NVRTC has no headers, so kernels include none.
 */
import { dirname, join } from "node:path";
import { cString, cudaLibraries, pointerList } from "../libraries/mod.ts";

const symbols = {
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

type Library = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** The compiler. */
export interface Nvrtc {
  /** "13.0". */
  readonly version: string;
  /**
   * Compiles a source for a virtual architecture ("compute_90": PTX text) or a real one ("sm_90": CUBIN).
   * Throws `SyntaxError` with the compiler's log.
   */
  compile(name: string, source: string, architecture: string): Uint8Array<ArrayBuffer>;
}

/** Opens NVRTC, or gives null where it is not installed. */
export function openNvrtc(): Nvrtc | null {
  for (const path of cudaLibraries("libnvrtc.so.13", "libnvrtc.so.12")) {
    const library = open(path);
    if (library) return nvrtcOver(library);
  }
  return null;
}

function open(path: string): Library | null {
  try {
    for (const builtins of companions(dirname(path))) Deno.dlopen(builtins, {});
    return Deno.dlopen(path, symbols).symbols;
  } catch {
    return null;
  }
}

/** The `-builtins` beside a library; none beside a bare name. */
function companions(folder: string): string[] {
  if (folder === ".") return [];
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return names.filter((name) => /^libnvrtc-builtins\.so/.test(name)).sort().slice(-1)
    .map((name) => join(folder, name));
}

function nvrtcOver(library: Library): Nvrtc {
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
    compile(name, source, architecture) {
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
