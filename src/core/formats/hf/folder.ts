/**
 * A folder that stock transformers loads. A layer without both modules is not there, and the others move up; transformers
 * runs every module of a layer that is there, so one that is dropped alone stays with an output projection of zeros: what it
 * adds is zero, what it costs is not saved. Weights are copied as they are stored.
 */
import { mixerKind, readSpec, routed } from "../../models/mod.ts";
import { type OutTensor, zeros } from "../../weights/mod.ts";
import { type Config, configOf, valuesOf } from "../config.ts";
import { expectModel } from "../expect.ts";
import {
  copyOf,
  dequantised,
  Inexpressible,
  isOfWeights,
  type Job,
  jsonFile,
  type Made,
  type Module,
  modulesText,
  notesOnPacked,
  type OutFile,
  type Row,
} from "../job.ts";
import { holdsMean, renumbering, silenced, standIns } from "../names.ts";
import { configFromGguf, tensorsFromGguf, tokenizerFromGgufFiles } from "./from_gguf.ts";
import { shardFiles } from "./shards.ts";

export async function hfFiles(job: Job): Promise<Made> {
  const fewer = packed(job);
  if (fewer === job) return await folderOf(job);
  try {
    return await folderOf(fewer);
  } catch (error) { // a layer would be another one under its new number
    if (error instanceof Inexpressible) return await folderOf(job);
    throw error;
  }
}

async function folderOf(job: Job): Promise<Made> {
  const { stored, model } = job;
  const fromGguf = stored.kind === "gguf";
  const config = smaller(job, fromGguf ? configFromGguf(job) : await configOf(job), job.rows);
  if (Array.isArray(config.intermediate_size)) {
    throw new Inexpressible("the model", "has MLPs of several widths, which transformers does not read");
  }
  expectModel(job, readSpec(valuesOf(config), model.name, model.allowed), layersOf(job));
  const small = await smallFiles(job);
  const tensors = fromGguf ? tensorsFromGguf(job, stored.file) : tensorsOf(job);
  return {
    files: [jsonFile("config.json", config), ...small, ...shardFiles(tensors)],
    notes: [...notesOnFiles(job, small), ...notesOnRows(job), ...notesOf(job)],
    zeroed: job.lone,
  };
}

function layersOf({ full: { layers }, rows }: Job) {
  return rows.map(({ attention, mlp }) => (
    { layer: attention, spec: { ...layers[attention], mlp: layers[mlp].mlp } }
  ));
}

/** The files beside the weights and their configuration: a folder's other files, the tokenizer of a GGUF file. */
export async function smallFiles(job: Job): Promise<OutFile[]> {
  if (job.stored.kind === "gguf") return await tokenizerFromGgufFiles(job, job.stored.file);
  const names = job.files.list().filter((name) => name !== "config.json" && !isOfWeights(name));
  return names.map((name) => copyOf(job, name));
}

export function notesOnFiles({ stored }: Job, small: readonly OutFile[]): string[] {
  if (stored.kind === "folder") return notesOnPacked(stored);
  const types = new Set(
    [...stored.file.tensors.values()].map(({ type }) => type).filter((type) => /^Q/.test(type)),
  );
  return [
    ...types.size > 0 ? [dequantised([...types])] : [],
    ...small.length === 0 ? ["the GGUF file has no tokenizer, so the folder has none"] : [],
  ];
}

function notesOf({ lone }: Job): string[] {
  if (lone.length === 0) return [];
  return [
    `${modulesText(lone)}: stored with an output projection of zeros, because stock transformers runs ` +
    "every module of a layer; results are those of the plan, but this saves no time or memory",
  ];
}

function tensorsOf(job: Job): OutTensor[] {
  const { file } = job.stored;
  const silent = silenced(job);
  const newName = renumbering(job);
  const there = [...file.tensors].flatMap(([stored, { type, shape, bytes }]) => {
    const name = newName(stored);
    if (name === null) return [];
    return [{ name, type, shape, ...silent.has(stored) ? zeros(bytes) : file.stored(stored) }];
  });
  return [...there, ...standIns(job)];
}

/** The configuration with these layers alone; a model of text and images keeps that of its text part inside. */
export function smaller({ full }: Job, whole: Config, rows: readonly Row[]): Config {
  const { drop_attn_list: _, drop_mlp_list: __, ...config } = whole;
  const text = config.text_config as Config | undefined;
  const fewer = (part: Config) => (
    {
      ...part,
      ["n_layer" in part ? "n_layer" : "num_hidden_layers"]: rows.length,
      ...layerTypes(part),
      ...mixtures(part),
    }
  );
  return text ? { ...config, text_config: fewer(text) } : fewer(config);

  /** Kinds of the layers that are left, where the model has kinds: its own rule would count from the first that is left. */
  function layerTypes(part: Config): Config {
    const lists = ["layer_types", "no_rope_layers"].filter((field) => Array.isArray(part[field]));
    const left = Object.fromEntries(
      lists.map((field) => [field, rows.map(({ attention }) => (part[field] as unknown[])[attention])]),
    );
    const kinds = full.layers.map(({ attention }) => mixerKind(attention!).layerType(attention!));
    if (lists.includes("layer_types") || kinds.every((kind) => kind === kinds[0])) return left;
    return { ...left, layer_types: rows.map(({ attention }) => kinds[attention]) };
  }

  /** Which of the layers that are left have an MLP, where the model says so by their numbers. */
  function mixtures(part: Config): Config {
    const dense = rows.flatMap(({ mlp }, index) => routed(full.layers[mlp].mlp) ? [] : [index]);
    return {
      ..."mlp_only_layers" in part ? { mlp_only_layers: dense, decoder_sparse_step: 1 } : {},
      ..."first_k_dense_replace" in part ? { first_k_dense_replace: dense.length } : {},
    };
  }
}

/**
 * The job with layers put together where every layer has to have both modules: of a layer without its MLP and the next one that is left,
 * without its attention, nothing is left but an attention and an MLP, which are one layer. Nothing runs between the two, so the model is
 * the same. The same job where there are no such layers.
 */
function packed(job: Job): Job {
  const { full, kept, lone } = job;
  const isGone = (module: Module["module"], layer: number) =>
    lone.some((one) => one.module === module && one.layer === layer && !holdsMean(job, one));
  const rows: Row[] = [];
  for (const layer of kept) {
    const last = rows.at(-1);
    const fits = last?.attention === last?.mlp && full.layers[layer].residual === "sequential";
    if (last && fits && isGone("mlp", last.mlp) && isGone("attention", layer)) {
      rows[rows.length - 1] = { attention: last.attention, mlp: layer };
    } else rows.push({ attention: layer, mlp: layer });
  }
  if (rows.length === kept.length) return job;
  return {
    ...job,
    rows,
    lone: lone.filter(({ module, layer }) => rows.some((row) => row[module] === layer)),
  };
}

/** What users should know of it. */
function notesOnRows({ rows }: Job): string[] {
  return rows.filter(({ attention, mlp }) => attention !== mlp).map(({ attention, mlp }) => {
    const kept = modulesText([{ module: "attention", layer: attention }, { module: "mlp", layer: mlp }]);
    const dropped = modulesText([{ module: "mlp", layer: attention }, { module: "attention", layer: mlp }]);
    return `${kept}: one layer, since ${dropped} are dropped`;
  });
}
