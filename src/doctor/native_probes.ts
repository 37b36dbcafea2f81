/**
 * The probes that call native code, one in each process: `native_probes.ts PART`. Each makes the part do a little of its work and
 * compares the numbers.
 */
import { formatBytes } from "../hub/mod.ts";
import type { Engine } from "../engine/mod.ts";
import type { Device } from "../kernels/mod.ts";
import { fillNormal, streamKeys } from "../tensor/mod.ts";
import { answer } from "./examine.ts";

const probes: Record<string, () => Promise<string>> = {
  "engine-cpu": () => engine(({ cpuEngine }) => cpuEngine()),
  "engine-webgpu": () => engine(({ webgpuEngine }) => webgpuEngine()),
  "engine-cuda": () => engine(({ cudaEngine }) => cudaEngine()),
  webgpu,
  nvrtc,
  cuda,
};

/** Opens an engine, and tries it out. */
async function engine(
  open: (engines: typeof import("../engine/mod.ts")) => Engine | Promise<Engine>,
): Promise<string> {
  const [engines, { tryEngine }] = [await import("../engine/mod.ts"), await import("./engine_trial.ts")];
  const engine = await open(engines);
  await tryEngine(engine);
  return `${engine.version} on ${engine.device ?? "the CPU"}: a product and attention as by hand`;
}

async function webgpu(): Promise<string> {
  const { openWebGpu } = await import("../kernels/mod.ts");
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  const { device, reason } = await openWebGpu();
  if (!adapter || !device) throw new Error(reason ?? "no adapter");
  const { limits, features } = adapter;
  const kind = adapter.info.isFallbackAdapter ? "software: runs on the CPU" : "GPU";
  return [
    `${device.name} (${kind})`,
    `buffers up to ${formatBytes(limits.maxStorageBufferBindingSize)}`,
    `workgroups up to ${limits.maxComputeInvocationsPerWorkgroup}`,
    `float16 ${features.has("shader-f16") ? "yes" : "no"}`,
    await drawNumbers(device),
  ].join("; ");
}

async function nvrtc(): Promise<string> {
  const { kernelSource, openNvrtc, randomNormalKernel } = await import("../kernels/mod.ts");
  const compiler = openNvrtc();
  if (!compiler) throw new Error("no libnvrtc in LAMINA_CUDA, data/cuda, /usr/local/cuda or /usr/lib");
  const source = await kernelSource(randomNormalKernel, "cu");
  compiler.compile("random_normal.cu", source, "compute_90");
  return `NVRTC ${compiler.version}: compiled a kernel for compute_90`;
}

async function cuda(): Promise<string> {
  const { device, reason } = (await import("../kernels/mod.ts")).openCuda();
  if (!device) throw new Error(reason);
  return `${device.name}; ${await drawNumbers(device)}`;
}

/** The kernel whose numbers equal the CPU's to the bit. */
async function drawNumbers(device: Device): Promise<string> {
  const { randomNormal } = await import("../kernels/mod.ts");
  const [keys, count] = [streamKeys(1, 2, 3), 10_000];
  const expected = new Float32Array(count);
  fillNormal(expected, keys, 0, 1);
  const drawn = await randomNormal(device, keys, 0, count, 1);
  const wrong = expected.findIndex((value, i) => !Object.is(value, drawn[i]));
  if (wrong >= 0) {
    throw new Error(
      `${device.name}: random number ${wrong} is ${drawn[wrong]}, expected ${expected[wrong]} as on the CPU`,
    );
  }
  return "ran a kernel, bit-identical to the CPU";
}

if (import.meta.main) await answer(probes[Deno.args[0]]);
