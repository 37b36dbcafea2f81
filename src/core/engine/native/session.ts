/**
 * A graph as a session of ONNX Runtime, and its runs.
 *
 * Outputs are written into memory of the engine. Their shapes follow from those of the inputs, and are learnt by the first run
 * with them: its results, which the library has put into memory of its own, are copied; later ones are not. Names, types and
 * shapes are checked here, where an error can name them.
 *
 * A binding has the inputs and outputs of a run. It keeps its last ones, so that the keys and values of a decoded text, hundreds of
 * tensors that stay in place, are bound once.
 */
import { cPath, cString, pointerList } from "../../libraries/mod.ts";
import type { Graph } from "../../onnx/mod.ts";
import { type Feeds, type Held, ofType, type Program, type RunOptions } from "../engine.ts";
import type { NativeHeld, Provider, Shelf } from "./held.ts";
import type { Library } from "./library.ts";

interface Host {
  readonly library: Library;
  readonly provider: Provider;
  readonly environment: Deno.PointerObject;
  readonly shelf: Shelf;
}

/** ONNX Runtime's log level: fatal errors. */
const FATAL = 4;

/**
 * A graph that is fed its weights must not pack them anew in each run. It shares the process's threads, which sleep between
 * products; threads of a session's own would go on spinning beside the next session's. One with weights of its own runs again
 * and again in many short products (decoding): there threads that spin from one to the next are worth 1.2.
 */
const fed = { "session.disable_prepacking": "1" };
const packed = {
  "session.force_spinning_stop": "1",
  "session.intra_op.allow_spinning": "1",
  // In the arena weights would lie among temporaries, and leave gaps that fit neither.
  "session.use_device_allocator_for_initializers": "1",
};

/** Compiles a graph, with copies of what is constant. */
export function createSession(host: Host, graph: Graph, constants: Feeds): Program {
  const { library, provider, environment } = host;
  const copied = Object.keys(constants).map((name) => [name, inputOf(host, graph, name, constants)] as const);
  const isPacked = copied.length > 0;
  const bytes = graph.toBytes(
    new Map(copied.map(([name, { shape, bytes }]) => [name, { file: name, offset: 0, bytes, shape }])), // never a real file
  );
  const options = library.make("CreateSessionOptions");
  try {
    library.call("SetSessionLogSeverityLevel", options, FATAL);
    library.call("DisableMemPattern", options);
    const entries = { ...isPacked ? packed : fed, "session.use_env_allocators": "1" };
    library.configure("AddSessionConfigEntry", options, entries);
    if (!isPacked) library.call("DisablePerSessionThreads", options);
    provider.configure(options, isPacked, graph);
    if (isPacked) { // the library copies their bytes
      library.call(
        "AddExternalInitializersFromFilesInMemory",
        options,
        pointerList(copied.map(([name]) => cPath(name))),
        BigUint64Array.from(copied, ([, { block }]) => Deno.UnsafePointer.value(block.address)),
        BigUint64Array.from(copied, ([, { bytes }]) => BigInt(bytes)),
        BigInt(copied.length),
      );
    }
    const inputs = graph.inputs.filter((name) => !Object.hasOwn(constants, name));
    let session: Deno.PointerObject;
    try {
      session = library.make("CreateSessionFromArray", environment, bytes, BigInt(bytes.length), options);
    } catch (error) {
      const found = (error as Error).message.replaceAll(/\s+/g, " ");
      throw new Error(`Cannot compile a graph for the engine ${provider.name}: ${found}`, { cause: error });
    }
    return program(host, graph, inputs, session);
  } finally {
    library.plain("ReleaseSessionOptions", options);
  }
}

function inputOf({ shelf }: Host, graph: Graph, name: string, feeds: Feeds): NativeHeld {
  return ofType(`feed ${name}`, shelf.own(name, feeds[name]), graph.types.get(name));
}

/** A binding with its bound inputs and outputs. */
interface Binding {
  readonly address: Deno.PointerObject;
  readonly inputs: Map<string, NativeHeld>;
  readonly outputs: Map<string, NativeHeld>;
}

function program(
  host: Host,
  graph: Graph,
  inputNames: readonly string[],
  session: Deno.PointerObject,
): Program {
  const { library, provider, shelf } = host;
  const names = new Map([...graph.inputs, ...graph.outputs].map((name) => [name, cString(name)]));
  const shapes = new Map<string, readonly (readonly number[])[]>();
  const idle: Binding[] = [];
  const running = new Set<Promise<unknown>>();
  const allocator = library.make("GetAllocatorWithDefaultOptions");
  const shared = {
    inputs: sharedAmong("Inputs", inputNames),
    outputs: sharedAmong("Outputs", graph.outputs),
  };

  /** Names of the tensors that the session takes in shared memory: given in the CPU's, they would be copied. */
  function sharedAmong(side: "Inputs" | "Outputs", names: readonly string[]): readonly string[] {
    if (!provider.shared) return [];
    const memories = new BigUint64Array(names.length);
    library.call(`SessionGetMemoryInfoFor${side}`, session, memories, BigInt(names.length));
    const differs = new Int32Array(1);
    return names.filter((_, i) => {
      library.call("CompareMemoryInfo", Deno.UnsafePointer.create(memories[i]), provider.memory, differs);
      return differs[0] !== 0;
    });
  }

  function bind(binding: Binding, side: "inputs" | "outputs", name: string, held: NativeHeld): void {
    if (binding[side].get(name) === held) return;
    library.call(
      side === "inputs" ? "BindInput" : "BindOutput",
      binding.address,
      names.get(name)!,
      shared[side].includes(name) ? held.shared() : held.value,
    );
    binding[side].set(name, held);
  }

  /** Outputs in memory of the engine, where their shapes are known. */
  function prepared(known: readonly (readonly number[])[] | undefined, into: Feeds): Map<string, NativeHeld> {
    const outputs = new Map<string, NativeHeld>();
    try {
      for (const [i, name] of graph.outputs.entries()) {
        if (name in into) outputs.set(name, shelf.own(name, into[name]));
        else if (known) outputs.set(name, shelf.allocate(graph.types.get(name)!, known[i]));
      }
      return outputs;
    } catch (error) {
      freeOwn(outputs, into);
      throw error;
    }
  }

  function freeOwn(outputs: ReadonlyMap<string, NativeHeld>, into: Feeds): void {
    for (const [name, held] of outputs) if (!(name in into)) held.free();
  }

  /** Copies of the library's outputs, by name; also the shapes of all outputs, for the next run. */
  function gather(binding: Binding, bound: ReadonlyMap<string, NativeHeld>) {
    const values = outputValues(library, allocator, binding.address, graph.outputs.length);
    const outputs = new Map(bound);
    const found: number[][] = [];
    try {
      for (const [i, name] of graph.outputs.entries()) {
        const shape = shapeOf(library, values[i]);
        found.push(shape);
        if (outputs.has(name)) continue;
        const dtype = graph.types.get(name)!;
        const held = shelf.allocate(dtype, shape);
        outputs.set(name, held);
        if (held.bytes === 0) continue; // the library has no address for nothing
        provider.copy(library.make("GetTensorMutableData", values[i]), held.block, held.bytes);
      }
    } finally {
      for (const value of values) library.plain("ReleaseValue", value);
      library.plain("ClearBoundOutputs", binding.address);
      binding.outputs.clear();
    }
    return { outputs, shapes: found };
  }

  async function execute(binding: Binding, signal: AbortSignal | undefined): Promise<void> {
    const options = library.make("CreateRunOptions");
    const stop = () => library.call("RunOptionsSetTerminate", options);
    signal?.addEventListener("abort", stop);
    try {
      library.call("RunOptionsSetRunLogSeverityLevel", options, FATAL);
      library.configure("AddRunConfigEntry", options, provider.runEntries);
      await library.run(session, options, binding.address);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
      library.plain("ReleaseRunOptions", options);
    }
  }

  async function run(feeds: Feeds, { signal, into = {} }: RunOptions): Promise<Record<string, Held>> {
    signal?.throwIfAborted();
    const inputs = inputNames.map((name) => inputOf(host, graph, name, feeds));
    const key = JSON.stringify(inputs.map(({ shape }) => shape));
    const known = shapes.get(key);
    let outputs = prepared(known, into);
    const binding = idle.pop() ?? {
      address: library.make("CreateIoBinding", session),
      inputs: new Map(),
      outputs: new Map(),
    };
    try {
      inputNames.forEach((name, i) => bind(binding, "inputs", name, inputs[i]));
      for (const name of graph.outputs) { // what is gathered comes in the order in which it was bound
        const held = outputs.get(name);
        if (held) bind(binding, "outputs", name, held);
        else library.call("BindOutputToDevice", binding.address, names.get(name)!, provider.memory);
      }
      await execute(binding, signal);
      if (!known) {
        const made = gather(binding, outputs);
        outputs = made.outputs;
        shapes.set(key, made.shapes);
      }
      idle.push(binding);
    } catch (error) {
      library.plain("ReleaseIoBinding", binding.address); // what is bound is unknown
      freeOwn(outputs, into);
      throw error;
    }
    return Object.fromEntries([...outputs].filter(([name]) => !(name in into)));
  }

  return {
    run(feeds, options = {}) {
      const ended = run(feeds, options);
      const settled = ended.then(() => {}, () => {});
      running.add(settled);
      settled.then(() => running.delete(settled));
      return ended;
    },
    async release() {
      await Promise.all(running);
      for (const { address } of idle.splice(0)) library.plain("ReleaseIoBinding", address);
      library.plain("ReleaseSession", session);
    },
  };
}

/** The values that a run has left, in the order of the outputs; to be released. */
function outputValues(
  library: Library,
  allocator: Deno.PointerObject,
  binding: Deno.PointerObject,
  expected: number,
): Deno.PointerObject[] {
  const { address, entries: values } = library.list("GetBoundOutputValues", binding, allocator);
  if (values.length !== expected) {
    throw new Error(`ONNX Runtime returned ${values.length} outputs, expected ${expected}`);
  }
  library.call("AllocatorFree", allocator, address);
  return values;
}

function shapeOf(library: Library, value: Deno.PointerObject): number[] {
  const info = library.make("GetTensorTypeAndShape", value);
  try {
    const rank = new BigUint64Array(1);
    library.call("GetDimensionsCount", info, rank);
    const sides = new BigInt64Array(Number(rank[0]));
    library.call("GetDimensions", info, sides, rank[0]);
    return Array.from(sides, Number);
  } finally {
    library.plain("ReleaseTensorTypeAndShapeInfo", info);
  }
}
