/**
 * One ONNX graph of the whole decoder with its keys and values, the weights beside it, and what onnxruntime-genai and lm-eval's
 * `onnxruntime` backend read. A dropped module is not in the graph; the caches of the attentions that are left are numbered
 * from 0, since readers count them.
 */
import { scoring, steadyLength, wholeGraph, wholeName } from "../../models/mod.ts";
import { changedSpec } from "../../run/mod.ts";
import { contentOf } from "../../weights/mod.ts";
import { configOf } from "../config.ts";
import { expectExpressible } from "../expect.ts";
import { notesOnFiles, smaller, smallFiles } from "../hf/folder.ts";
import { configFromGguf } from "../hf/from_gguf.ts";
import { type Job, jsonFile, type Made, rowsOf } from "../job.ts";
import { genaiConfig, GRAPH } from "./genai.ts";
import { onnxWeights, placed } from "./weights.ts";

const DATA = `${GRAPH}.data`;

export async function onnxFiles(job: Job): Promise<Made> {
  expectExpressible(job, "onnx");
  const config = job.stored.kind === "gguf" ? configFromGguf(job) : await configOf(job);
  const spec = changedSpec(job.full, job.drop); // layers keep their numbers
  const weights = onnxWeights(job, spec);
  const { content, ranges } = placed(DATA, weights);
  const types = new Map(weights.map(({ name, dtype }) => [name, dtype]));
  const context = contextOf(job);
  const graph = wholeGraph(spec, context, (name, layer) => types.get(wholeName(name, layer))!);
  const cached = [...spec.layers.keys()].filter((l) => scoring(spec.layers[l].attention));
  const small = await smallFiles(job);
  return {
    files: [
      { name: GRAPH, ...contentOf(graph.toBytes(ranges)) },
      { name: DATA, ...content },
      jsonFile("config.json", smaller(job, config, rowsOf(cached))),
      jsonFile("genai_config.json", await genaiConfig(job, cached.length, context)),
      ...small,
    ],
    notes: [...notesOnFiles(job, small), ...notesOf(job, cached, context)],
  };
}

/** Hugging Face's default for configurations without one. */
const USUAL_CONTEXT = 2048;

/** The longest text that the model is for. */
function contextOf({ full }: Job): number {
  return full.positions ?? full.trained ?? USUAL_CONTEXT;
}

function notesOf({ full }: Job, cached: readonly number[], context: number): string[] {
  const isDynamic = full.layers.some(({ attention }) => {
    const rope = scoring(attention)?.rope;
    return rope && steadyLength(rope) < Infinity;
  });
  const renumbered = cached.length < full.layers.length;
  return [
    "the graph leaves out dropped modules, computes and keeps keys and values in float32, and expects a batch's texts to be " +
    "padded on the right",
    ...renumbered
      ? [
        `past_key_values.N and present.N belong to the N-th attention that remains (layers ${
          cached.join(" ") || "none"
        }), and num_hidden_layers counts these, as readers of the graph expect`,
      ]
      : [],
    ...isDynamic ? [`the rotary embedding is that for texts of up to ${context} tokens`] : [],
  ];
}
