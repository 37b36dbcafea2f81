/**
 * Stand-ins for CUDA's libraries, built here, for tests on machines without a GPU: with them ONNX Runtime's real CUDA provider
 * loads, places every node, allocates, copies and "runs". What it does is traced; what it computes means nothing.
 *
 * `stubs/*.c` define what has to answer something. All else that the provider is linked to is generated: a function that returns
 * 0 (success) and is traced by its name, under the version that the provider asks for. Needs cc and nm, the provider, and the runtime's headers.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cudaLibraries } from "core/libraries/mod.ts";
import { printed, unchanged } from "../tools.ts";

const SOURCES = fileURLToPath(new URL("stubs", import.meta.url));
const PROVIDER = "libonnxruntime_providers_cuda.so";

/**
 * The libraries, the source of each (none where all of it is generated) and the version of its symbols, if they have one. The
 * first has the trace, the others are linked to it.
 */
const LIBRARIES = [
  { name: "libcudart.so.13", source: "cudart.c", version: "libcudart.so.13" },
  { name: "libcublasLt.so.13", source: "cublasLt.c", version: "libcublasLt.so.13" },
  { name: "libcublas.so.13", source: "cublas.c", version: "libcublas.so.13" },
  { name: "libcurand.so.10", source: null, version: "libcurand.so.10" },
  { name: "libcuda.so.1", source: "cuda.c", version: null },
] as const;

/** Functions of the driver that are called by name; the provider is linked to none of them by version. */
const DRIVER = /^cu[A-Z]/;

/** What the stand-ins need here, or why they cannot be built. */
export type Needs = { readonly provider: string; readonly headers: string; readonly lacks: null } | {
  readonly lacks: string;
};

/** Looks for what the build needs. */
export async function stubNeeds(): Promise<Needs> {
  const skipped = unchanged("cuda");
  if (skipped !== "") return { lacks: skipped };
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return { lacks: "not Linux on x64" };
  for (const tool of ["cc", "nm"]) {
    const runs = await printed(tool, ["--version"]).then(() => true, () => false);
    if (!runs) return { lacks: `no ${tool}` };
  }
  const [provider] = cudaLibraries(PROVIDER);
  const headers = cudaLibraries("libcudart.so.13").map((path) => join(dirname(path), "include"))
    .find((folder) => isFile(join(folder, "cuda_runtime_api.h")));
  if (provider === PROVIDER || !headers) return { lacks: "no CUDA libraries: lamina cuda installs them" };
  return { provider, headers, lacks: null };
}

/** Builds the stand-ins into a folder. */
export async function buildStubs(folder: string, needs: Needs & { lacks: null }): Promise<void> {
  const asked = (await symbols(needs.provider, "--undefined-only")).map((symbol) => symbol.split("@"));
  for (const { name, source, version } of LIBRARIES) {
    const path = join(folder, name);
    const object = source === null ? [] : [await compile(source, `${path}.o`, needs.headers)];
    const defined = new Set(object.length ? await symbols(object[0], "--defined-only") : []);
    const wanted = asked.filter(([symbol, of]) => version ? of === version : !of && DRIVER.test(symbol))
      .map(([symbol]) => symbol).filter((symbol) => !defined.has(symbol));
    const inputs = [await generate(wanted, `${path}.c`), ...object];
    const linked = name === LIBRARIES[0].name ? [] : [join(folder, LIBRARIES[0].name)];
    const options = ["-shared", "-fPIC", `-I${SOURCES}`, `-Wl,-soname,${name}`, "-Wl,-rpath,$ORIGIN"];
    if (version) {
      await Deno.writeTextFile(`${path}.map`, `${version} { global: *; };\n`);
      options.push(`-Wl,--version-script,${path}.map`);
    }
    await printed("cc", [...options, ...inputs, ...linked, "-o", path]);
    for (const file of [...inputs, ...version ? [`${path}.map`] : []]) await Deno.remove(file);
  }
}

async function compile(source: string, object: string, headers: string): Promise<string> {
  const options = ["-c", "-fPIC", "-O1", "-Wall", "-Werror", `-I${SOURCES}`, `-I${headers}`];
  await printed("cc", [...options, join(SOURCES, source), "-o", object]);
  return object;
}

/** Functions that say their name (not those that register kernels: thousands) and succeed, whatever they are given. */
async function generate(names: readonly string[], path: string): Promise<string> {
  const functions = names.map((name) =>
    `long ${name}() { ${name.startsWith("__") ? "" : `trace("${name}"); `}return 0; }\n`
  );
  await Deno.writeTextFile(path, `#include "trace.h"\n${functions.join("")}`);
  return path;
}

/** Names of a file's symbols, with their versions: "cudaMalloc@libcudart.so.13". */
async function symbols(path: string, which: string): Promise<string[]> {
  const dynamic = path.endsWith(".o") ? [] : ["-D"];
  const lines = (await printed("nm", [...dynamic, which, path])).split("\n");
  return lines.map((line) => line.trim().split(/\s+/).at(-1)!).filter((symbol) => symbol !== "");
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
