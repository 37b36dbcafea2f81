/** ONNX Runtime for the web, compiled to WebAssembly with its WebGPU provider: loaded at the first engine. */
import type * as Runtime from "onnxruntime-web/webgpu";
import { oneByOne } from "../../entry/mod.ts";
import { createGraph, Mul } from "../../onnx/mod.ts";

export type { Runtime };

/** A tensor as ONNX Runtime has it. */
export type OrtTensor = Runtime.Tensor;

/** The library. All work with it goes through its lane: it has one stack, which work leaves half-way. */
export interface Ort {
  readonly lane: ReturnType<typeof oneByOne>;
  readonly version: string;
  readonly Tensor: typeof Runtime.Tensor;
  /** Opens a session on a device; all of its nodes run there, and its outputs stay there. */
  open(device: GPUDevice, model: Uint8Array<ArrayBuffer>): Promise<Runtime.InferenceSession>;
}

let loaded: Promise<Ort> | undefined;

/** Loads the library, once. */
export function loadOrt(): Promise<Ort> {
  return loaded ??= load();
}

/** ONNX Runtime's log level: fatal errors. */
const FATAL = 4;

async function load(): Promise<Ort> {
  const { env, InferenceSession, Tensor }: typeof Runtime = await import("onnxruntime-web/webgpu");
  env.wasm.numThreads = 1;
  env.logLevel = "fatal";
  // Its first session puts Node's in their place, which do not answer to `onmessage`.
  const { Worker, MessageChannel, MessagePort } = globalThis;
  return {
    version: `onnxruntime-web ${env.versions.web}`,
    Tensor,
    lane: oneByOne(),
    async open(device, model) {
      const session = await InferenceSession.create(model, {
        executionProviders: [{ name: "webgpu", device }],
        preferredOutputLocation: "gpu-buffer",
        enableMemPattern: false,
        logSeverityLevel: FATAL,
        extra: { session: { disable_cpu_ep_fallback: "1", disable_prepacking: "1" } },
      });
      Object.assign(globalThis, { Worker, MessageChannel, MessagePort });
      return session;
    },
  };
}

/** The least that can be a session: the provider gives up a device, with its pipelines and spare memory, with its last session. */
export function anchorModel(): Uint8Array<ArrayBuffer> {
  const graph = createGraph();
  const x = graph.input("x", "f32", [1]);
  graph.output("y", Mul(x, x));
  return graph.toBytes();
}
