/**
 * The probes that call native code, one in each process: `native_probes.ts onnx|webgpu|nvrtc|cuda`. Each makes the part do
 * a little of its work and compares the numbers: exact ones, so that no tolerance is needed.
 */
import { formatBytes } from "../hub/mod.ts";
import type { Engine } from "../engine/mod.ts";
import type { Tensor } from "../tensor/mod.ts";
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
  const { webgpuEngine } = await import("../engine/mod.ts");
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
  const { kernelSource, openNvrtc, randomNormalKernel } = await import("../kernels/mod.ts");
  const compiler = openNvrtc();
  if (!compiler) throw new Error("no libnvrtc in LAMINA_CUDA, data/cuda, /usr/local/cuda or /usr/lib");
  const source = await kernelSource(randomNormalKernel, "cu");
  compiler.compile("random_normal.cu", source, "compute_90");
  return `NVRTC ${compiler.version}: compiled a kernel for compute_90`;
}

async function cuda(): Promise<string> {
  const { cudaEngine } = await import("../engine/mod.ts");
  const engine = cudaEngine();
  return `${engine.device}; ${await tryKernels(engine)}`;
}

/** Every kernel, against its plain reference. */
async function tryKernels(engine: Engine): Promise<string> {
  const { kernelNames, tryKernel } = await import("../kernels/mod.ts");
  for (const name of kernelNames) await tryKernel(engine, name);
  return `ran ${kernelNames.join(", ")}, equal to the CPU's`;
}

if (import.meta.main) await answer(probes[Deno.args[0]]);
