/**
 * The probes that call native code, one in each process: `native_probes.ts onnx|webgpu|nvrtc|cuda`. Each makes the part do
 * a little of its work and compares the numbers: exact ones, so that no tolerance is needed.
 */
import { formatBytes } from "../hub/mod.ts";
import type { Device } from "../kernels/mod.ts";
import { fillNormal, streamKeys, type Tensor } from "../tensor/mod.ts";
import { answer } from "./examine.ts";

const probes: Record<string, () => Promise<string>> = { onnx, webgpu, nvrtc, cuda };

/** Compiles and runs [1 2 3; 4 5 6] · [1 2; 3 4; 5 6]. */
async function onnx(): Promise<string> {
  const [{ cpuEngine }, { createGraph, MatMul }] = [
    await import("../engine/mod.ts"),
    await import("../onnx/mod.ts"),
  ];
  const engine = cpuEngine();
  const graph = createGraph();
  graph.output("y", MatMul(graph.input("x", "f32", ["rows", 3]), graph.input("w", "f32", [3, 2])));
  const program = await engine.compile(graph);
  const numbers = Float32Array.of(1, 2, 3, 4, 5, 6);
  const matrix = (shape: number[]): Tensor => ({ dtype: "f32", shape, data: numbers });
  const { y } = await program.run({ x: engine.upload(matrix([2, 3])), w: engine.upload(matrix([3, 2])) });
  const product = String((await engine.read(y)).data);
  if (product !== "22,28,49,64") {
    throw new Error(`${engine.version}: a product came out as ${product}, expected 22,28,49,64`);
  }
  return `${engine.version} on the CPU: compiled and ran a graph`;
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
