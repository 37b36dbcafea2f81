/**
 * One interface over the devices that run a graph.
 *
 * A graph is compiled once per kind of module and run with its weights as inputs. What a run returns stays where the
 * engine keeps it (`Held`): on the CPU that is an ordinary tensor, on a GPU a buffer that only `read` brings back.
 */
import type { Graph } from "../onnx/mod.ts";
import type { Tensor } from "../tensor/mod.ts";

/** A tensor in an engine's own memory. */
export interface Held {
  readonly shape: readonly number[];
}

/** Named inputs or outputs of a run. */
export type Feeds = Readonly<Record<string, Tensor | Held>>;

/** A compiled graph. */
export interface Program {
  /** Runs once. An input that is missing or has the wrong type or shape throws an error that names it. */
  run(feeds: Feeds): Promise<Record<string, Held>>;
  /** Frees the compiled graph. */
  release(): Promise<void>;
}

/** A device that runs graphs. */
export interface Engine {
  readonly name: "cpu" | "webgpu" | "cuda";
  /** Library and version, for provenance: "onnxruntime 1.30.0". */
  readonly version: string;
  compile(graph: Graph): Promise<Program>;
  /** Brings a held tensor to CPU memory. */
  read(held: Held): Promise<Tensor>;
  /** Frees what a run returned, and what `read` made of it, at once: garbage collection sees large buffers too late. */
  free(held: Held): void;
}
