/**
 * Where OpenVINO's plug-in lies, and where CUDA's shared libraries are looked for: first in the user's folder, which is named for a reason (an older driver needs an
 * older compiler), then in that of `lamina cuda`, then in the system's.
 *
 *     LAMINA_CUDA                a folder of libraries, Python's `nvidia` packages folder, or a CUDA toolkit
 *     CUDA/PACKAGE-VERSION       CUDA is data/cuda in a checkout (room `home`)
 *     /usr/local/cuda, /usr/lib  and wherever the system's loader looks
 *
 * Linux only, as the packages are. CUDA's names carry the major version ("libcudart.so.13"): generations never mix.
 */
import { join } from "node:path";
import { folderOf } from "../home/mod.ts";

/** Where `lamina cuda` puts the libraries: one folder for each package. */
export const cudaFolder: string = folderOf("cuda");
/** The same of `lamina openvino`. */
export const openvinoFolder: string = folderOf("openvino");

/** The path of OpenVINO's plug-in for ONNX Runtime; null where it is not installed. */
export const openvinoLibrary = (): string | null =>
  libraryIn(openvinoFolder, "libonnxruntime_providers_openvino_plugin.so");

/** The path of a library in a folder of installed packages; null where it is not there. */
export function libraryIn(root: string, name: string): string | null {
  const folder = foldersOf(root).find((folder) => entries(folder).includes(name));
  return folder === undefined ? null : join(folder, name);
}

/**
 * Paths of a library on this machine, the preferred first; each of `names` will do, the first rather than the others where
 * a folder has several. Last come the bare names, for which the system's loader looks.
 */
export function cudaLibraries(...names: readonly string[]): string[] {
  const chosen = Deno.env.get("LAMINA_CUDA");
  const roots = [...chosen ? [chosen] : [], cudaFolder, "/usr/local/cuda", "/usr/lib"];
  const found = roots.flatMap(foldersOf).flatMap((folder) => {
    const there = new Set(entries(folder));
    return names.filter((name) => there.has(name)).map((name) => join(folder, name));
  });
  return [...found, ...names];
}

/** Opens the first of the paths that can be opened. Throws `Error` with the fault of the last one. */
export function openCudaLibrary<S extends Deno.ForeignLibraryInterface>(
  name: string,
  symbols: S,
): Deno.DynamicLibrary<S> {
  let found = "";
  for (const path of cudaLibraries(name)) {
    try {
      return Deno.dlopen(path, symbols);
    } catch (error) {
      found = (error as Error).message;
    }
  }
  throw new Error(`Cannot open ${name}: ${found}, expected a library that lamina cuda installs`);
}

/** A toolkit has its libraries in lib64, Python's packages in PACKAGE/lib, Debian in lib/ARCHITECTURE, we in PACKAGE-VERSION. */
function foldersOf(root: string): string[] {
  const inside = entries(root).sort().flatMap((part) => [join(root, part, "lib"), join(root, part)]);
  return [root, join(root, "lib64"), ...inside];
}

function entries(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}
