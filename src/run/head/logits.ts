/** The model's predictions after every token of one text: all logits, or the loss of the token that follows. */
import type { Held } from "../../engine/mod.ts";
import { createGraph, Gemm, type Graph, Reshape, softcap } from "../../onnx/mod.ts";
import { float32, type Tensor, toFloat32 } from "../../tensor/mod.ts";
import { forward, type ForwardOptions } from "../forward.ts";
import { headRows, headSlices, LOGITS, normedRows } from "./head.ts";
import { freeStates, take, withUploaded } from "../held.ts";
import type { DropPlan } from "../../measure/mod.ts";
import { openPrograms } from "../programs.ts";
import { openScorer } from "./scorer.ts";

/** A run of one text under one plan. */
export interface OneText extends Pick<ForwardOptions, "model" | "engine" | "signal"> {
  /** Token ids [T]. */
  readonly ids: Int32Array;
  readonly plan: DropPlan;
}

/** The logits after every token, float32 [T, V]. Throws `RangeError` where the norm or the head is not finite. */
export async function textLogits(run: OneText): Promise<Tensor & { data: Float32Array }> {
  const { model, engine, ids, signal } = run;
  const { spec } = model;
  const data = new Float32Array(ids.length * spec.vocabulary);
  const programs = openPrograms(engine);
  try {
    await lastStream(run, async (stream) => {
      const rows = Int32Array.from(ids.keys());
      const hidden = await (await normedRows(model, engine, programs, signal))([stream], rows);
      try {
        const bytes = Math.min(engine.has.bindingBytes, 4 * spec.hidden * LOGITS / ids.length);
        for (const [start, end] of headSlices(spec, bytes)) {
          signal?.throwIfAborted();
          const words = end - start;
          const program = await programs.get(
            ["logits", words],
            () => logitsGraph(spec.hidden, words, spec.head.softcap),
          );
          const { logits } = await withUploaded(
            engine,
            { weight: await headRows(model, [start, end]) },
            (held) => program.run({ ...held, hidden }, { signal }),
          );
          const part = toFloat32(await take(engine, logits));
          for (let row = 0; row < ids.length; row++) {
            data.set(part.subarray(row * words, (row + 1) * words), row * spec.vocabulary + start);
          }
        }
      } finally {
        hidden.free();
      }
    });
  } finally {
    await programs.release();
  }
  return float32([ids.length, spec.vocabulary], data);
}

/** −ln p of every token but the first, in nats, float64 [T − 1]. Throws `RangeError` where the norm or the head is not finite. */
export async function textLosses(run: OneText): Promise<Float64Array> {
  const { model, engine, ids, signal } = run;
  const rows = Int32Array.from({ length: ids.length - 1 }, (_, row) => row);
  const scorer = await openScorer(model, engine, signal);
  let losses = new Float64Array(0);
  try {
    await lastStream(run, async (stream) => {
      const targets = { rows, tokens: ids.slice(1), of: rows };
      const [{ nll }] = await scorer.score([[stream]], [targets], false);
      losses = nll.slice();
    });
  } finally {
    await scorer.release();
  }
  return losses;
}

/** Hands over the stream that leaves the last layer, [T, D], and frees it. */
async function lastStream(
  { ids, plan, ...run }: OneText,
  use: (stream: Held) => Promise<void>,
): Promise<void> {
  await forward({
    ...run,
    segments: [{ ids, past: null }],
    plans: [plan],
    async finish(states) {
      try {
        await use(states[0].batches[0]);
      } finally {
        freeStates(states);
      }
    },
  });
}

/** Inputs hidden [T, 1, D] and weight [S, D]; output logits [T, S]. */
function logitsGraph(hidden: number, words: number, cap: number | null): Graph {
  const graph = createGraph();
  const rows = Reshape(graph.input("hidden", "f32", ["n", 1, hidden]), [-1, hidden]);
  const logits = Gemm(rows, graph.input("weight", "f32", [words, hidden]));
  graph.output("logits", cap ? softcap(logits, cap) : logits);
  return graph;
}
