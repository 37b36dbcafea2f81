/**
 * One interface over the devices that run a graph, and over the memory that its tensors live in.
 *
 * A graph is compiled once per kind of module and run with its weights as inputs. A run takes and returns `Held` tensors: memory
 * of the engine, which has an owner who frees it. `upload` and `read` alone move data between it and the CPU's.
 */
import type { Graph, Lowering } from "../onnx/mod.ts";
import { type DType, elements, type Tensor } from "../tensor/mod.ts";
import type { Residents } from "./residents.ts";

/** A tensor in an engine's memory. Opaque: only the engine that made it can use it. */
export interface Held {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Gives the memory back; a second call does nothing. */
  free(): void;
}

/** Named inputs or outputs of a run. */
export type Feeds = Readonly<Record<string, Held>>;

export interface RunOptions {
  /** Ends the run, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Outputs that are written into memory already held, of their type and shape, instead of into new memory. */
  readonly into?: Feeds | undefined;
}

export interface Program {
  /**
   * Runs once; gives the outputs that are not written `into` something. A feed that is missing, freed or of another engine,
   * or has the wrong type or shape, throws an error that names it.
   */
  run(feeds: Feeds, options?: RunOptions): Promise<Record<string, Held>>;
  /** Gives the program back, once its runs have ended. */
  release(): Promise<void>;
}

/** The abilities of an engine: graphs are chosen by these, never by an engine's name. */
export interface Has extends Lowering {
  /** Bytes of the largest tensor that can be bound; a larger weight is fed in rows. */
  readonly bindingBytes: number;
  /**
   * Bytes that weights may take now: half of the memory that is free on the CPU; what a CUDA device has free, less a reserve. WebGPU does
   * not say how much memory a device has: 2 GiB, which every device that runs a model has.
   */
  readonly memoryBytes: number;
}

/**
 * The precision of computation. The residual stream, norms and probes are float32 in every case. In int8, rows that are multiplied with
 * weights in blocks are rounded to bytes, a scale for each block, as llama.cpp does.
 */
export type Precision = "float32" | "tf32" | "bfloat16" | "int8";

/** The names of engines. */
export type EngineName = "cpu" | "webgpu" | "cuda" | "openvino";

/** The engine `cuda` for our kernels, which run over its memory, in the order of its own work. */
export interface CudaAccess {
  readonly kind: "cuda";
  /** The stream (CUstream) of all its work, in order: kernels on it find earlier uploads and results. */
  readonly stream: Deno.PointerValue;
  /** The address (CUdeviceptr) of a held tensor; valid until it is freed. */
  address(held: Held): bigint;
  /** New memory, to be written by a kernel; what is in it is undefined. */
  allocate(dtype: DType, shape: readonly number[]): Held;
}

/** The engine `webgpu` for our kernels, which run over its memory. */
export interface WebgpuAccess {
  readonly kind: "webgpu";
  /** Its device, whose queue runs work in the order of submission. */
  readonly device: GPUDevice;
  /** The buffer of a held tensor, which may be larger than it; valid until it is freed. */
  buffer(held: Held): GPUBuffer;
  /** New memory, to be written by a kernel; what is in it is undefined. */
  allocate(dtype: DType, shape: readonly number[]): Held;
}

/** For `src/core/kernels` alone; other rooms use `Held`. Null for the CPU. */
type Access = CudaAccess | WebgpuAccess | null;

/** The held tensor, if it is one of those that live. Throws `TypeError`, naming it, if it is freed or anything else. */
export function ownHeld<H extends Held>(
  live: ReadonlySet<H>,
  engine: EngineName,
  name: string,
  held: Held | undefined,
): H {
  if (!held) throw new TypeError(`Cannot run a graph: input ${name} is missing, expected a tensor`);
  if (live.has(held as H)) return held as H;
  throw new TypeError(`Cannot use ${name}: it is not held by the engine ${engine}, or was freed`);
}

/** Returns the held tensor. Throws `TypeError` that says what cannot be done if its elements have another type. */
export function ofType<H extends Held>(what: string, held: H, expected: DType | undefined): H {
  if (held.dtype === expected) return held;
  throw new TypeError(`Cannot ${what}: found elements of type ${held.dtype}, expected ${expected}`);
}

/** Throws `RangeError` for a tensor whose data has another length than its shape. */
export function checkLength({ dtype, shape, data }: Tensor): void {
  if (elements(shape) === data.length) return;
  throw new RangeError(
    `Cannot hold a tensor of ${dtype}: found ${data.length} elements, expected [${shape}]`,
  );
}

/** A device that runs graphs. */
export interface Engine {
  readonly name: EngineName;
  /** Library and version, for provenance: "onnxruntime 1.30.0". */
  readonly version: string;
  /** The device in words; null for the CPU. */
  readonly device: string | null;
  readonly precision: Precision;
  readonly has: Has;
  /** Access to this engine's memory for our kernels. */
  readonly access: Access;
  /** Weights that stay at hand between the passes of a study; null outside of one. */
  readonly residents: Residents | null;
  /** Holds a tensor. Where the engine's memory is the CPU's, nothing is copied: the tensor must not change until it is freed. */
  upload(tensor: Tensor): Held;
  /** A held tensor in CPU memory. It stays held; what is read is valid until it is freed. */
  read(held: Held): Promise<Tensor>;
  /**
   * Compiles a graph. Equal graphs are one program, which the engine keeps for a while after its release. Inputs that are the same
   * in all runs can be `constants`: an engine that copies them (`has.constants`) makes a program of its own, with them in the best
   * form for products, and they can be freed at once; otherwise they have to live as long as the program.
   */
  compile(graph: Graph, constants?: Feeds): Promise<Program>;
  /** Tensors that are held now: none after a study, an error or an abort. */
  readonly live: number;
  close(): Promise<void>;
}

/** Programs that stay after their last release: a study has some five kinds, a few extents of each. */
const KEPT = 24;

type Entry = { readonly program: Promise<Program>; users: number };

/** Compiles a graph with some of its inputs as constants; none where an engine does not copy them. */
type CompileWith = (graph: Graph, constants: Feeds) => Promise<Program>;

/**
 * Programs over an engine's own `compile`: equal graphs are compiled once. A graph is known by the hash of its bytes; after its last
 * release its program stays for a while, since the next study is often of the same kind. Constants that an engine copies make a
 * program of one owner, which ends with its release; others are fed in every run.
 */
export function programStore(compile: CompileWith, { constants: had }: Pick<Lowering, "constants">) {
  const entries = new Map<string, Entry>(); // the one used longest ago first

  async function trim(): Promise<void> {
    const idle = [...entries].filter(([, { users }]) => users === 0);
    const surplus = idle.slice(0, Math.max(0, idle.length - KEPT));
    for (const [key] of surplus) entries.delete(key);
    for (const [, { program }] of surplus) await (await program).release();
  }

  function shared(entry: Entry, program: Program): Program {
    let released = false;
    return {
      run: program.run,
      async release() {
        if (released) return;
        released = true;
        entry.users--;
        await trim();
      },
    };
  }

  async function compileShared(graph: Graph): Promise<Program> {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", graph.toBytes()));
    const key = digest.toHex();
    const known = entries.get(key);
    const entry = known ?? { program: compile(graph, {}), users: 0 };
    entries.delete(key);
    entries.set(key, entry);
    entry.users++;
    try {
      return shared(entry, await entry.program);
    } catch (error) {
      entries.delete(key);
      throw error;
    }
  }

  return {
    async compile(graph: Graph, constants: Feeds = {}): Promise<Program> {
      if (Object.keys(constants).length === 0) return await compileShared(graph);
      if (had === "copied") return await compile(graph, constants);
      const { run, release } = await compileShared(graph);
      return { run: (feeds, options) => run({ ...constants, ...feeds }, options), release };
    },
    async close(): Promise<void> {
      const all = await Promise.allSettled([...entries.values()].map(({ program }) => program));
      entries.clear();
      for (const made of all) if (made.status === "fulfilled") await made.value.release();
    },
  };
}

/** The engine with so many bytes for weights and, if there are any, weights at hand. */
export function engineWithin(
  engine: Engine,
  memoryBytes: number,
  residents: Residents | null = engine.residents,
): Engine {
  return Object.create(engine, {
    has: { value: { ...engine.has, memoryBytes }, enumerable: true },
    residents: { value: residents, enumerable: true },
  });
}
