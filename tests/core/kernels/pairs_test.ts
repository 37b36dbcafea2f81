/** Both versions of every kernel: the same interface as the host's description, and CUDA that compiles. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { attentionStatsKernel } from "core/kernels/attention_stats.ts";
import { type Kernel, kernelSource } from "core/kernels/kernel.ts";
import { layerGramKernel } from "core/kernels/layer_gram.ts";
import { openNvrtc } from "core/kernels/cuda.ts";
import { randomNormalKernel } from "core/kernels/random_normal.ts";
import { tokenSmoothingKernel } from "core/kernels/token_smoothing.ts";
import { refuses, thorough } from "../../support.ts";
import { printed, unless, words } from "../../tools.ts";

const kernels = [attentionStatsKernel, layerGramKernel, randomNormalKernel, tokenSmoothingKernel];

/** Everything matched by the pattern's first group. */
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]);

/** The value of a constant of either language. */
const constant = (text: string, name: string) =>
  Number(text.match(new RegExp(`const (?:u32 )?${name} = (\\d+)u?;`))![1]);

function wgslInterface(text: string) {
  const [struct] = all(text, /struct Params \{([^}]*)\}/g);
  return {
    bindings: all(text, /@binding\(\d+\) var<storage, read(?:_write)?> (\w+):/g),
    numbers: all(text, /@binding\((\d+)\)/g).map(Number),
    params: Object.fromEntries(
      [...struct.matchAll(/(\w+): (u32|f32)/g)].map(([, name, type]) => [name, type]),
    ),
    stages: [...text.matchAll(/@workgroup_size\((\w+)\)\s*fn (\w+)/g)]
      .map(([, block, entry]) => ({ entry, block: constant(text, block) })),
  };
}

function cudaInterface(text: string) {
  const [struct] = all(text, /struct Params \{([^}]*)\}/g);
  const fields = struct.replaceAll(/\/\/.*/g, "").split(";").flatMap((line) => {
    const [, type, names] = line.match(/(u32|float)\s+(.+)/s) ?? [];
    return names ? names.split(",").map((name) => [name.trim(), type === "float" ? "f32" : type]) : [];
  });
  const entries = [...text.matchAll(/__launch_bounds__\((\w+)\)\s*(\w+)\(([^)]*)\)/g)];
  return {
    params: Object.fromEntries(fields),
    stages: entries.map(([, block, entry]) => ({ entry, block: constant(text, block) })),
    bindings: entries.map(([, , , list]) => list.split(",").map((item) => item.trim().match(/\w+$/)![0])),
  };
}

for (const kernel of kernels) {
  const names = kernel.bindings.map(({ name }) => name);
  const stages = kernel.stages.map(({ entry, block }) => ({ entry, block }));

  Deno.test(`${kernel.name}.wgsl has the host's bindings, parameters and stages, in order`, async () => {
    const found = wgslInterface(await kernelSource(kernel, "wgsl"));
    assert.deepEqual(found.bindings, names);
    assert.deepEqual(found.numbers, [...names.keys(), names.length]);
    assert.equal(JSON.stringify(found.params), JSON.stringify(kernel.params));
    assert.deepEqual(found.stages, stages);
  });

  Deno.test(`${kernel.name}.cu has the host's arguments, parameters and stages, in order`, async () => {
    const found = cudaInterface(await kernelSource(kernel, "cu"));
    for (const list of found.bindings) assert.deepEqual(list, [...names, "params"]);
    assert.equal(JSON.stringify(found.params), JSON.stringify(kernel.params));
    assert.deepEqual(found.stages, stages);
  });
}

const nvrtc = openNvrtc();
const nvcc = await printed("nvcc", ["--version"]).then(() => true, () => false);
const withNvrtc = unless(nvrtc ? null : "NVRTC is not installed");
/** Each kernel for one architecture in `test`, where NVRTC has both. */
const withNvcc = (turn: number) =>
  unless(nvcc ? null : "nvcc is not installed", turn % 2 === 0 ? Deno.test : thorough);

function assertEntries(kernel: Kernel, ptx: string): void {
  const entries = all(ptx, /\.entry (\w+)/g).sort();
  assert.deepEqual(entries, kernel.stages.map(({ entry }) => entry).sort());
}

for (const [a, architecture] of ["compute_80", "compute_90"].entries()) {
  for (const [k, kernel] of kernels.entries()) {
    const title = `${kernel.name}.cu compiles for ${architecture}`;
    withNvrtc(`${title} with NVRTC`, async () => {
      const code = nvrtc!.compile(`${kernel.name}.cu`, await kernelSource(kernel, "cu"), architecture);
      assertEntries(kernel, new TextDecoder().decode(code));
    });
    withNvcc(a + k)(`${title} with nvcc`, async () => {
      const source = new URL(`../../../kernels/${kernel.name}.cu`, import.meta.url);
      const args = words`-ptx -arch=${architecture} -Werror all-warnings -o - ${fileURLToPath(source)}`;
      assertEntries(kernel, await printed("nvcc", args));
    });
  }
}

withNvrtc(
  "NVRTC's log names the file and the line",
  () =>
    refuses(
      "SyntaxError: Cannot compile wrong.cu for compute_80: ",
      (code: string) => nvrtc!.compile("wrong.cu", code, "compute_80"),
      [["__device__ int a;\n__device__ int b = c;", 'wrong.cu(2): error: identifier "c" is undefined']],
    ),
);
