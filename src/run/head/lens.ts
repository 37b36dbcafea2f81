/**
 * Predictions that the head reads from a stream: logits, or the entropy and the most probable token of each row's next-token
 * distribution. On the stream that leaves a layer this is the logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens").
 *
 * The vocabulary passes in slices. Each slice gives every row's largest logit M, S = Σ e^(z − M), W = Σ e^(z − M) · (z − M) and best
 * token. Slices are merged in float64, and the entropy is ln S − W / S. All logits are in memory together only if a caller wants them.
 */
import type { Engine, Held } from "../../engine/mod.ts";
import type { Model } from "../../models/mod.ts";
import { createGraph, type Graph, softcap } from "../../onnx/mod.ts";
import * as op from "../../onnx/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { withRead, withUploaded } from "../held.ts";
import { openPrograms } from "../programs.ts";
import type { Predictions, ReadHead } from "../probes/observable.ts";
import { headRows, headSlices, LOGITS, normedRows, type Rows } from "./head.ts";

/** A graph's outputs for each row: its logits, or the numbers that describe its distribution. */
interface Wanted {
  readonly logits: boolean;
  readonly shape: boolean;
}

/** Reads the head of one model. */
export interface Lens {
  readonly read: ReadHead;
  release(): Promise<void>;
}

/** Opens the head of a model. Its readings throw `RangeError` where the norm or the head is not finite. */
export async function openLens(model: Model, engine: Engine, signal?: AbortSignal): Promise<Lens> {
  const { spec } = model;
  const programs = openPrograms(engine);
  const normed = await normedRows(model, engine, programs, signal);

  async function slice(hidden: Held, [start, end]: Rows, wanted: Wanted): Promise<Record<string, Held>> {
    const words = end - start;
    const program = await programs.get(
      ["lens", words, wanted],
      () => lensGraph(spec.hidden, words, spec.head.softcap, wanted),
    );
    return await withUploaded(
      engine,
      { weight: await headRows(model, [start, end]) },
      (held) => program.run({ ...held, hidden }, { signal }),
    );
  }

  return {
    async read(stream, rows, names) {
      const asked = new Set<string>(names);
      const wanted = { logits: asked.has("logits"), shape: asked.has("entropy") || asked.has("top1") };
      const hidden = await normed([stream], rows);
      const merged = merger(rows.length, spec.vocabulary, wanted);
      try {
        const bytes = Math.min(engine.has.bindingBytes, 4 * spec.hidden * LOGITS / rows.length);
        for (const range of headSlices(spec, bytes)) {
          signal?.throwIfAborted();
          await withRead(engine, await slice(hidden, range, wanted), (values) => merged.add(range, values));
        }
        const all = merged.readings();
        return Object.fromEntries(names.map((name) => [name, all[name]])) as unknown as typeof all;
      } finally {
        hidden.free();
      }
    },
    release: programs.release,
  };
}

/** Inputs hidden [n, 1, D] and weight [S, D]; outputs logits [n, S], and max, sum, weighted [n, 1, 1] and best of each row. */
function lensGraph(hidden: number, words: number, cap: number | null, { logits, shape }: Wanted): Graph {
  const graph = createGraph();
  const rows = op.Reshape(graph.input("hidden", "f32", ["n", 1, hidden]), [-1, hidden]);
  const raw = op.Gemm(rows, graph.input("weight", "f32", [words, hidden]));
  const capped = cap ? softcap(raw, cap) : raw;
  if (logits) graph.output("logits", capped);
  if (!shape) return graph;
  const z = op.Reshape(capped, [-1, 1, words]);
  const best = op.ArgMax(z);
  const max = op.GatherElements(z, best, 2); // not every engine can reduce to a maximum
  const below = op.Sub(z, max);
  const exp = op.Exp(below);
  graph.output("max", max);
  graph.output("best", best, "i64");
  graph.output("sum", op.ReduceSum(exp, [2], 1));
  graph.output("weighted", op.ReduceSum(op.Mul(exp, below), [2], 1));
  return graph;
}

/** Merges the outputs of slices for n rows. */
function merger(n: number, vocabulary: number, wanted: Wanted) {
  const logits = new Float32Array(wanted.logits ? n * vocabulary : 0);
  const [max, sum, weighted] = [
    new Float64Array(n).fill(-Infinity),
    new Float64Array(n),
    new Float64Array(n),
  ];
  const top1 = new Int32Array(wanted.shape ? n : 0);

  /** Sums of exponentials below M become sums below a larger M′: S · e^(M − M′) and (W + S · (M − M′)) · e^(M − M′). */
  function add(
    row: number,
    start: number,
    own: { max: number; sum: number; weighted: number; best: number },
  ) {
    const after = Math.max(max[row], own.max);
    if (own.max > max[row]) top1[row] = start + own.best;
    const parts = [{ max: max[row], sum: sum[row], weighted: weighted[row] }, own].filter(({ sum }) =>
      sum > 0
    );
    const moved = parts.map((part) => {
      const [by, share] = [part.max - after, Math.exp(part.max - after)];
      return { sum: part.sum * share, weighted: (part.weighted + part.sum * by) * share };
    });
    max[row] = after;
    sum[row] = moved.reduce((total, part) => total + part.sum, 0);
    weighted[row] = moved.reduce((total, part) => total + part.weighted, 0);
  }

  return {
    add([start, end]: Rows, values: Readonly<Record<string, Tensor>>) {
      const of = (name: string) => values[name].data as Float32Array;
      for (let row = 0; row < n; row++) {
        if (wanted.logits) {
          const words = end - start;
          logits.set(of("logits").subarray(row * words, (row + 1) * words), row * vocabulary + start);
        }
        if (!wanted.shape) continue;
        const best = Number((values.best.data as BigInt64Array)[row]);
        add(row, start, { max: of("max")[row], sum: of("sum")[row], weighted: of("weighted")[row], best });
      }
    },
    readings(): Predictions {
      const entropy = new Float32Array(wanted.shape ? n : 0);
      for (let row = 0; row < entropy.length; row++) {
        entropy[row] = Math.max(0, Math.log(sum[row]) - weighted[row] / sum[row]); // rounding may leave −1e-9
      }
      return {
        logits: { data: logits, shape: [n, vocabulary] },
        entropy: { data: entropy, shape: [n] },
        top1: { data: top1, shape: [n] },
      };
    },
  };
}
