/** An engine that notes the graphs that are compiled, whoever builds them, and how often each runs. */
import { createHash } from "node:crypto";
import type { Engine, Has } from "core/engine/mod.ts";
import type { Graph } from "core/onnx/mod.ts";
import { float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { protoOf } from "../core/onnx/read.ts";
import { engine } from "../support.ts";

/** The CPU's engine, which writes down what it compiles. */
export interface Recorder {
  readonly engine: Engine;
  /** Runs something; gives the graphs that were compiled meanwhile, each with the number of its runs: `3f2a…×2`. */
  during(run: () => Promise<unknown>): Promise<string[]>;
}

/** Names of graphs for people, by hash: outputs, inputs, and the number of nodes. */
export type GraphNames = Map<string, string>;

/** SHA-256, its first 40 bits, since thousands are kept: two of 3000 are equal by chance in one of 250,000 such lists. */
export function shortHash(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 10);
}

/** The hash of a graph, which `names` then has; to name one takes longer than to build it. */
export function noted(graph: Graph, names?: GraphNames): string {
  const hash = shortHash(graph.toBytes());
  if (names && !names.has(hash)) names.set(hash, nameOf(graph));
  return hash;
}

const LONGEST = 100;

function nameOf(graph: Graph): string {
  const { node } = protoOf(graph);
  const text = `${graph.outputs.join(" ")} of ${graph.inputs.join(" ").replaceAll(/\{[^}]*\}/g, "{…}")}`;
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return `${short}: ${node.length} nodes`;
}

/** Memory of the recording engine: more than any fixture needs, whatever the machine has left beside other tests. */
const MEMORY = 2 ** 30;

/**
 * A recorder. `has` is what its engine claims to have; the CPU can run what other engines want too, bfloat16 excepted. Its version is
 * not the library's, so that the keys of results stay when the library is updated.
 */
export function recorder(names: GraphNames, has: Partial<Has> = {}): Recorder {
  const runs = new Map<string, number>();
  // The CPU borrows what it is given, where an engine that is fed its weights has a copy.
  const own = (tensor: Tensor) => has.constants === "fed" ? structuredClone(tensor) : tensor;
  const widens = ({ dtype }: Tensor) => dtype === "bf16" && has.bfloat16 === "widened";
  const recording: Engine = {
    ...engine,
    version: "replay",
    has: { ...engine.has, memoryBytes: MEMORY, ...has },
    get live() {
      return engine.live;
    },
    upload: (tensor) =>
      engine.upload(widens(tensor) ? float32(tensor.shape, toFloat32(tensor)) : own(tensor)),
    async compile(graph, constants) {
      const hash = noted(graph, names);
      runs.set(hash, runs.get(hash) ?? 0);
      const program = await engine.compile(graph, constants);
      return {
        release: () => program.release(),
        run(feeds, options) {
          runs.set(hash, runs.get(hash)! + 1);
          return program.run(feeds, options);
        },
      };
    },
  };
  return {
    engine: recording,
    async during(run) {
      runs.clear();
      await run();
      return [...runs].map(([hash, count]) => `${hash}×${count}`).sort();
    },
  };
}
