/**
 * One ONNX graph of the whole decoder with its keys and values, the weights beside it, and what onnxruntime-genai and lm-eval's
 * `onnxruntime` backend read. A dropped module is not in the graph; the caches of the attentions that are left are numbered
 * from 0, since readers count them.
 */
import {
  type AttentionSpec,
  firstScoring,
  keptHeadSize,
  scoring,
  steadyLength,
  wholeGraph,
  wholeName,
} from "../../models/mod.ts";
import { changedSpec } from "../../run/mod.ts";
import { contentOf } from "../../weights/mod.ts";
import { configOf } from "../config.ts";
import { notesOnFiles, smaller, smallFiles } from "../hf/folder.ts";
import { configFromGguf } from "../hf/from_gguf.ts";
import { type Job, jsonFile, type Made, rowsOf } from "../job.ts";
import { onnxWeights, placed } from "./weights.ts";
import { isRecord, shown } from "../../entry/mod.ts";
import { hasTokenizer } from "../../hub/mod.ts";
import { readJson } from "../../subject/mod.ts";
import genai from "./genai.json" with { type: "json" };

const GRAPH = "model.onnx";
const DATA = `${GRAPH}.data`;

export async function onnxFiles(job: Job): Promise<Made> {
  const config = job.stored.kind === "gguf" ? configFromGguf(job) : await configOf(job);
  const spec = changedSpec(job.full, job.drop); // layers keep their numbers
  const weights = onnxWeights(job, spec);
  const { content, ranges } = placed(DATA, weights);
  const types = new Map(weights.map(({ name, dtype }) => [name, dtype]));
  const { positions, trained = USUAL_CONTEXT } = job.full;
  const context = positions ?? trained; // the longest text that the model is for
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

/** Tokens with a meaning; null for none. */
interface SpecialIds {
  readonly bos: number | null;
  readonly eos: number | readonly number[] | null;
  readonly pad: number | null;
}

/**
 * `genai_config.json`, which describes a graph to onnxruntime-genai and lm-eval's ONNX backends. Fields as its Model Builder writes
 * them (`make_genai_config` in `builders/base.py`).
 */
async function genaiConfig(job: Job, caches: number, context: number) {
  const { full } = job;
  const { bos, eos, pad } = await specialIds(job);
  const attention: AttentionSpec = firstScoring(full)!;
  const known = (entries: Record<string, SpecialIds[keyof SpecialIds]>) =>
    Object.fromEntries(Object.entries(entries).filter(([, id]) => id !== null));
  return {
    model: {
      ...known({ bos_token_id: bos, eos_token_id: eos, pad_token_id: pad }),
      context_length: context,
      decoder: {
        session_options: genai.session_options,
        filename: GRAPH,
        head_size: keptHeadSize(attention),
        hidden_size: full.hidden,
        inputs: genai.inputs,
        outputs: genai.outputs,
        num_attention_heads: attention.heads,
        num_hidden_layers: caches,
        num_key_value_heads: attention.kvHeads,
      },
      type: "decoder",
      vocab_size: full.vocabulary,
    },
    search: { do_sample: false, max_length: context, past_present_share_buffer: true },
  };
}

const FILE = "generation_config.json";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The ids of a model: from the tokenizer if there is one, then `generation_config.json`, then `config.json`. Throws `TypeError` that
 * names the field for anything but a token's number.
 */
async function specialIds(job: Job): Promise<SpecialIds> {
  const { model } = job;
  const { text_config, ...outer } = model.config;
  const fields: Fields = { ...text_config as Fields | undefined, ...outer, ...await generationConfig(job) };
  const ids = (name: string) => idsOf(fields[name], name, model.name);
  const [pad = null] = ids("pad_token_id");
  const ends = ids("eos_token_id");
  if (!canTokenise(job)) return { bos: ids("bos_token_id")[0] ?? null, eos: listed(ends), pad };
  const { bos, eos } = await model.tokenizer();
  return { bos, eos: listed([...new Set(eos === null ? ends : [eos, ...ends])]), pad };
}

function canTokenise({ files, stored }: Job): boolean {
  if (stored.kind !== "gguf") return hasTokenizer(files.list());
  const kind = stored.file.metadata.get("tokenizer.ggml.model");
  return kind !== undefined && kind !== "none";
}

async function generationConfig({ files, model }: Job): Promise<Fields> {
  if (!files.list().includes(FILE)) return {};
  const value = await readJson(files, FILE);
  if (!isRecord(value)) {
    throw new TypeError(`Cannot read ${model.name}: ${FILE} is ${shown(value)}, expected an object`);
  }
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null));
}

function idsOf(value: unknown, field: string, model: string): number[] {
  const list = value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
  const wrong = list.find((id) => !Number.isSafeInteger(id) || id < 0);
  if (wrong === undefined) return list;
  throw new TypeError(
    `Cannot export ${model}: ${field} is ${shown(value)}, expected a token id or a list of them`,
  );
}

const listed = (ids: readonly number[]) => ids.length === 0 ? null : ids.length === 1 ? ids[0] : ids;
