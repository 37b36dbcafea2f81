/**
 * From the files of a checkpoint to a model: what it is (`ModelSpec`) and its weights, one layer at a time.
 *
 * Every tensor that the graphs will ask for is looked up here, with its shape, before anything runs.
 */
import {
  type CheckpointFiles,
  type GgufFile,
  layered,
  openSafetensors,
  type TensorFile,
  type TensorRef,
  type WeightSource,
} from "../weights/mod.ts";
import { readConfig } from "./config.ts";
import { readDropList } from "./drop_lists.ts";
import { families } from "./families/mod.ts";
import { ggufConfig, ggufNames } from "./gguf.ts";
import { type NameTable, storedTensor } from "./names.ts";
import { layerTensors, type ModelSpec, outerTensors, type TensorNeed } from "./spec.ts";

/** A checkpoint that can be run. */
export interface Model {
  readonly name: string;
  readonly spec: ModelSpec;
  readonly weights: WeightSource;
  /** `config.json`, or what a GGUF file's metadata amounts to. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The checkpoint's own name of a tensor of a layer or outside them, for errors; absent where there is no checkpoint. */
  readonly stored?: (name: string, layer?: number) => string;
}

/** Loads a folder in Hugging Face layout. */
export async function loadFolder(files: CheckpointFiles, config: unknown): Promise<Model> {
  const spec = readSpec(config, `${files.name}: config.json`);
  const file = await openSafetensors(files);
  try {
    const names = withPrefix(families[spec.family].names(spec), file);
    return {
      name: files.name,
      spec,
      weights: source(spec, file, names, files.name),
      config: config as Model["config"],
      stored: (name, layer) => find(spec, names, name, layer).name,
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Loads an opened GGUF file. */
export function loadGguf(file: GgufFile, name: string): Model {
  const config = ggufConfig(file, name);
  const spec = readSpec(config, name);
  const attention = spec.layers[0].attention!;
  const names = ggufNames(spec.family, attention.heads, attention.kvHeads);
  return {
    name,
    spec,
    weights: source(spec, file, names, name),
    config,
    stored: (tensor, layer) => find(spec, names, tensor, layer).name,
  };
}

/** What a configuration describes, modules that LLM-Drop's lists name left out. `file` names it in errors. */
export function readSpec(raw: unknown, file: string): ModelSpec {
  const config = readConfig(raw, file);
  const type = config.string("model_type");
  if (!Object.hasOwn(families, type)) {
    throw new TypeError(
      `Cannot run ${file}: model_type is "${type}", expected one of ${Object.keys(families).join(", ")}`,
    );
  }
  const spec = families[type].spec(config);
  const dropped = (name: string) => readDropList(config.value(name), spec.layers.length, name, file);
  const [attention, mlp] = [dropped("drop_attn_list"), dropped("drop_mlp_list")];
  config.done();
  return {
    ...spec,
    layers: spec.layers.map((layer, l) => ({
      ...layer,
      attention: attention.has(l) ? null : layer.attention,
      mlp: mlp.has(l) ? null : layer.mlp,
    })),
  };
}

/** Where a tensor lies; a tied head is the embedding. */
function find(spec: ModelSpec, names: NameTable, canonical: string, layer?: number): TensorRef {
  const tied = canonical === "head.weight" && spec.head.tied;
  return storedTensor(names, tied ? "embedding.weight" : canonical, layer);
}

function source(spec: ModelSpec, file: TensorFile, names: NameTable, name: string): WeightSource {
  const findAll = (needs: TensorNeed[], layer?: number) =>
    needs.map(([canonical, shape]): [string, TensorRef] => {
      const stored = find(spec, names, canonical, layer);
      check(file, stored, shape, name);
      return [canonical, stored];
    });
  const layers = spec.layers.map((layer, l) => findAll(layerTensors(layer, spec.hidden), l));
  const outer = Object.fromEntries(findAll(outerTensors(spec)));
  if (spec.head.tied) outer["head.weight"] = find(spec, names, "head.weight");
  return layered({ file, layers: layers.length, layer: (l) => layers[l], outer });
}

function check(file: TensorFile, stored: TensorRef, shape: readonly number[], name: string): void {
  const info = file.tensors.get(stored.name);
  if (!info) throw new TypeError(`Cannot load ${name}: tensor ${stored.name} is missing`);
  const agrees = info.shape.length === shape.length && info.shape.every((side, i) => side === shape[i]);
  // What a fused matrix must measure, only its transform knows; it checks when the layer is read.
  if (!agrees && !stored.transform) {
    throw new TypeError(
      `Cannot load ${name}: tensor ${stored.name} has shape [${info.shape}], expected [${shape}]`,
    );
  }
}

/** Checkpoints of bare or composite models prefix their names differently; the embedding tells which it is. */
function withPrefix(names: NameTable, file: TensorFile): NameTable {
  const embedding = `${names.stems.embedding}.weight`;
  const root = embedding.slice(0, embedding.indexOf("."));
  const rename = (prefix: string) => (stem: string) =>
    stem.startsWith(`${root}.`) ? prefix + stem.slice(root.length + 1) : stem;
  const prefixes = [`${root}.`, "", `language_model.${root}.`, `${root}.language_model.`];
  const prefix = prefixes.find((prefix) => file.tensors.has(rename(prefix)(embedding)));
  if (prefix === undefined || prefix === prefixes[0]) return names;
  const stems = Object.entries(names.stems).map(([stem, stored]) => [stem, rename(prefix)(stored)]);
  return { ...names, stems: Object.fromEntries(stems) };
}
