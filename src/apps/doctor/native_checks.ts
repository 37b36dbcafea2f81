/** The checks that call native code, one in each process: `native_checks.ts PART` does a little work and compares the numbers. */
import { formatBytes } from "core/entry/mod.ts";
import { displayed, folderOf } from "core/home/mod.ts";
import type { Engine } from "core/engine/mod.ts";
import { answer } from "core/libraries/mod.ts";

const checks: Record<string, () => Promise<string>> = {
  "engine-cpu": cpu,
  "engine-webgpu": () => engine(({ webgpuEngine }) => webgpuEngine()),
  "engine-cuda": () => engine(({ cudaEngine }) => cudaEngine()),
  "engine-openvino": openvino,
  webgpu,
  nvrtc,
  cuda,
};

/** The CPU, in int8 too: its products of bytes are another code on each kind of processor. */
async function cpu(): Promise<string> {
  const [{ cpuEngine }, { tryBlocks }] = [
    await import("../../core/engine/mod.ts"),
    await import("./block_trial.ts"),
  ];
  const found = await engine(({ cpuEngine }) => cpuEngine());
  await tryBlocks(cpuEngine({ precision: "int8" }));
  return `${found}, in int8 too`;
}

/** OpenVINO, in bfloat16 too where the CPU has it. */
async function openvino(): Promise<string> {
  const found = await engine(({ openvinoEngine }) => openvinoEngine());
  const { openvinoEngine, tryPrecision } = await import("../../core/engine/mod.ts");
  const refused = await (async () => await tryPrecision(openvinoEngine({ precision: "bfloat16" })))()
    .then(() => null, (error: Error) => error.message);
  return `${found}; ${refused ?? "bfloat16 too"}`;
}

async function engine(
  open: (engines: typeof import("../../core/engine/mod.ts")) => Engine | Promise<Engine>,
): Promise<string> {
  const [engines, { tryEngine }] = [
    await import("../../core/engine/mod.ts"),
    await import("./engine_trial.ts"),
  ];
  const engine = await open(engines);
  await tryEngine(engine);
  const device = engine.device ?? "the CPU";
  return `${engine.version} on ${device}: products, dense and in blocks, and attention equal the reference`;
}

async function webgpu(): Promise<string> {
  const { webgpuEngine } = await import("../../core/engine/mod.ts");
  const engine = await webgpuEngine();
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  const kind = adapter?.info.isFallbackAdapter ? "software: runs on the CPU" : "GPU";
  return [
    `${engine.device} (${kind})`,
    `tensors up to ${formatBytes(engine.has.bindingBytes)}`,
    `float16 ${adapter?.features.has("shader-f16") ? "yes" : "no"}`,
    await tryKernels(engine),
  ].join("; ");
}

async function nvrtc(): Promise<string> {
  const { kernelSource, openNvrtc, randomNormalKernel } = await import("../../core/kernels/mod.ts");
  const compiler = openNvrtc();
  if (!compiler) {
    throw new Error(
      `no libnvrtc in LAMINA_CUDA, ${displayed(folderOf("cuda"))}, /usr/local/cuda or /usr/lib`,
    );
  }
  compiler.compile("random_normal.cu", await kernelSource(randomNormalKernel, "cu"), "compute_90");
  return `NVRTC ${compiler.version}: compiled a kernel for compute_90`;
}

async function cuda(): Promise<string> {
  const { cudaEngine } = await import("../../core/engine/mod.ts");
  const engine = cudaEngine();
  return `${engine.device}; ${await tryKernels(engine)}`;
}

async function tryKernels(engine: Engine): Promise<string> {
  const { kernelNames, tryKernel } = await import("../../core/kernels/mod.ts");
  for (const name of kernelNames) await tryKernel(engine, name);
  return `ran ${kernelNames.join(", ")}, equal to the CPU's`;
}

if (import.meta.main) await answer(checks[Deno.args[0]]);
