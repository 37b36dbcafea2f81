/**
 * CUDA C++ to machine code at run time, by NVIDIA's NVRTC over FFI; no GPU is needed to compile.
 *
 * The library is looked up in the folder LAMINA_CUDA (Python's `nvidia` packages folder, or a CUDA toolkit), in the
 * project's own `data/venv`, and where the system keeps it. NVRTC loads its `-builtins` companion by bare name, so that
 * one is opened first, from the same folder. Linux only, as the packages are.
 *
 * Limit: NVRTC has no headers, so kernels include none.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pointerList } from "./pointers.ts";

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
  for (const path of candidates()) {
    const library = open(path);
    if (library) return nvrtcOver(library);
  }
  return null;
}

/** Paths of libnvrtc on this machine, the preferred first; the bare name lets the system's loader look. */
function* candidates(): Generator<string> {
  const chosen = Deno.env.get("LAMINA_CUDA");
  const venv = fileURLToPath(new URL("../../data/venv/lib", import.meta.url));
  const pythons = entries(venv).map((python) => join(venv, python, "site-packages", "nvidia"));
  for (const root of [...(chosen ? [chosen] : []), ...pythons, "/usr/local/cuda", "/usr/lib"]) {
    // Packages keep libraries in nvidia/PART/lib, toolkits in lib64, Debian in lib/ARCHITECTURE.
    const folders = [
      root,
      join(root, "lib64"),
      ...entries(root).flatMap((part) => [join(root, part, "lib"), join(root, part)]),
    ];
    for (const folder of folders) {
      const found = entries(folder).filter((name) => /^libnvrtc\.so\.\d+$/.test(name)).sort();
      if (found.length) yield join(folder, found.at(-1)!);
    }
  }
  yield "libnvrtc.so.13";
  yield "libnvrtc.so.12";
}

/** Names in a folder; none where there is no such folder. */
function entries(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

function open(path: string): Library | null {
  const folder = dirname(path);
  const builtins = folder === "."
    ? []
    : entries(folder).filter((name) => /^libnvrtc-builtins\.so/.test(name)).sort();
  try {
    if (builtins.length) Deno.dlopen(join(folder, builtins.at(-1)!), {});
    return Deno.dlopen(path, symbols).symbols;
  } catch {
    return null;
  }
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

/** A string with the zero that ends it in C. */
function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
