/**
 * The reference engine: ONNX Runtime on the CPU.
 *
 * Weights that are inputs would be packed anew at every run: packing is off where a graph has no weights of its own. So
 * is the memory pattern, which would be recomputed for each of the shapes that one graph sees. A run happens on this
 * thread, synchronously; it is the binding that yields to the event loop before each.
 *
 * Every session owns a pool of threads, and after a run they would go on spinning beside the next session's: without
 * spinning a profile is 1.6 times as fast on two cores. A graph with weights runs again and again in many short products
 * (decoding): there threads that spin from one to the next are worth 1.2, and stop when the run ends.
 */
import type * as Ort from "onnxruntime-node";
import type { Graph } from "../onnx/mod.ts";
import { type DType, elements, type Tensor } from "../tensor/mod.ts";
import type { Engine, Feeds, Held, Program } from "./engine.ts";

/** ONNX Runtime, or why it cannot be loaded here; what needs no model has to work all the same. */
const loaded: { ort: typeof Ort } | { error: Error } = await import("onnxruntime-node").then(
  (ort) => ({ ort }),
  (error) => ({ error }),
);

/** ONNX Runtime. Throws if this system has none. */
function runtime(): typeof Ort {
  if ("ort" in loaded) return loaded.ort;
  const { error } = loaded;
  throw new Error(`Cannot run a model: ONNX Runtime cannot be loaded (${error.message}); run lamina doctor`, {
    cause: error,
  });
}

/** Session options of graphs that are fed their weights, and of those that have them. */
const fed = { disable_prepacking: "1", intra_op: { allow_spinning: "0" } };
const packed = { force_spinning_stop: "1", intra_op: { allow_spinning: "1" } };

/** The binding's names of element types; BF16, which it lacks, travels as the bits. */
const typeNames: Record<DType, string> = {
  f64: "float64",
  f32: "float32",
  f16: "float16",
  bf16: "uint16",
  i64: "int64",
  i32: "int32",
  i16: "int16",
  i8: "int8",
  u8: "uint8",
  bool: "bool",
};
const dtypes = new Map(Object.entries(typeNames).map(([dtype, name]) => [name, dtype as DType]));

/** Opens the CPU engine. `threads` per product; 0 lets ONNX Runtime take every core. */
export function cpuEngine({ threads = 0 } = {}): Engine {
  const { versions } = runtime().env;
  return {
    name: "cpu",
    version: `onnxruntime ${versions.node ?? versions.common}`,
    compile: (graph) => compile(graph, threads),
    read: (held) => Promise.resolve(held as Tensor),
    free: (held) => void ((held as Tensor).data.buffer as ArrayBuffer).transfer(0),
  };
}

async function compile(graph: Graph, threads: number): Promise<Program> {
  const session = await runtime().InferenceSession.create(graph.toBytes(), {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    enableMemPattern: false,
    logSeverityLevel: 4,
    externalData: [...graph.weights].map(([path, { data }]) => ({ path, data: bytesOf(data) })),
    extra: { session: graph.weights.size > 0 ? packed : fed },
  });
  const types = new Map(session.inputMetadata.map((input) => [input.name, input.isTensor && input.type]));
  return {
    async run(feeds: Feeds): Promise<Record<string, Held>> {
      const inputs: Record<string, Ort.Tensor> = {};
      for (const name of graph.inputs) {
        const tensor = feeds[name] as Tensor | undefined;
        if (!tensor) throw new TypeError(`Cannot run a graph: input ${name} is missing, expected a tensor`);
        if (typeNames[tensor.dtype] !== types.get(name)) {
          throw new TypeError(`Cannot feed ${name}: ${typeNames[tensor.dtype]}, expected ${types.get(name)}`);
        }
        inputs[name] = toOrt(name, tensor);
      }
      return fromOrt(await session.run(inputs));
    },
    release: () => session.release(),
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: Tensor["data"]): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function toOrt(name: string, { dtype, shape, data }: Tensor): Ort.Tensor {
  if (elements(shape) !== data.length) {
    throw new RangeError(`Cannot feed ${name}: ${data.length} elements, expected [${shape}]`);
  }
  // A plain object instead of an ort.Tensor: the class refuses the bits of F16.
  return { type: typeNames[dtype], dims: shape, location: "cpu", data } as unknown as Ort.Tensor;
}

function fromOrt(results: Ort.InferenceSession.OnnxValueMapType): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const [name, { type, dims, data }] of Object.entries(results)) {
    tensors[name] = { dtype: dtypes.get(type) ?? "f32", shape: dims, data: data as Tensor["data"] };
  }
  return tensors;
}
