/**
 * Means as biases. A vector b in the place of a module is right in the bias of an output projection that writes to the stream between
 * the same two readers: of the module itself, where a format keeps it with an output projection of zeros (transformers runs every module
 * of a layer), or of the last module before it that is left, since none that is dropped reads the stream. In a layer whose modules read
 * the same stream (parallel) the other one of the layer writes there too.
 */
import { type Change, type LayerModule, MODULES } from "../../measure/mod.ts";
import { type LayerSpec, layerTensors, type ModelSpec, readSpec } from "../../models/mod.ts";
import { changedSpec, checkedTensors, isRun } from "../../run/mod.ts";
import { toFloat32 } from "../../tensor/mod.ts";
import { withFields } from "../config.ts";
import { type Format, Inexpressible, isDeci, type Job, type Module, modulesText } from "../job.ts";
import { type Edits, mapped, zeroSource } from "./source.ts";

type Mean = Extract<Change, { readonly to: "mean" }>;

const OUTPUTS: Readonly<Record<LayerModule, string>> = {
  attention: "attention.o_proj.bias",
  mlp: "mlp.down_proj.bias",
};

/** Fields of `config.json` that give all modules of a kind biases, in families that have them. */
const FIELDS: Readonly<Record<LayerModule, string>> = { attention: "attention_bias", mlp: "mlp_bias" };

/** Puts a mean into a bias; null where the format has a place for the vector itself. Throws `Inexpressible` where no bias will do. */
export function storeMean(change: Mean, job: Job, format: Format, edits: Edits): Job | null {
  const hasConstants = isDeci(job, format) && job.kept.includes(change.layer);
  if (format === "onnx" || hasConstants && change.module === "mlp") return null;
  const places = placesOf(change, job, format);
  for (const host of places) {
    const biased = withBias(host, job, format, edits);
    if (biased) return addMean(change, host, biased, edits);
  }
  if (hasConstants) return null;
  throw new Inexpressible(change, whyNot(places));
}

/** Adds the vector to the bias of a module. Its own bias it replaces, since nothing is left of what that belonged to. */
function addMean(change: Mean, host: Module, job: Job, edits: Edits): Job {
  const own = checkedTensors(job.full, change, `export ${job.model.name}`);
  const vector = toFloat32(own.get(`${change.module}.mean`)!);
  const isOwn = host.layer === change.layer && host.module === change.module;
  const { name } = job.model.stored!(OUTPUTS[host.module], host.layer);
  const { updateScale = 1 } = job.full.layers[host.layer][host.module]!;
  edits.set(name, mapped(edits.get(name), (value, i) => (isOwn ? 0 : value) + vector[i] / updateScale));
  return isOwn ? { ...job, ownMeans: [...job.ownMeans, host] } : job;
}

function whyNot(places: readonly Module[]): string {
  const found = places.length > 0
    ? `only a bias of the output projection of ${
      places.map((place) => modulesText([place])).join(" or ")
    } could hold`
    : "only a bias of a module before it could hold, and none is left";
  return `is replaced by a mean, which ${found}`;
}

function placesOf(change: Mean, job: Job, format: Format): Module[] {
  const { layer, module } = change;
  const { layers } = changedSpec(job.full, job.drop);
  const isLeft = ({ layer, module }: Module) => isRun(layers[layer][module]);
  const inOrder = layers.flatMap((_, layer) => MODULES.map((module) => ({ layer, module })));
  const other: Module = { layer, module: module === "attention" ? "mlp" : "attention" };
  const before = layers[layer].residual === "parallel" && isLeft(other)
    ? other
    : inOrder.slice(0, 2 * layer + MODULES.indexOf(module)).findLast(isLeft);
  return [
    ...format === "hf" && job.kept.includes(layer) ? [{ layer, module }] : [],
    ...before ? [before] : [],
  ];
}

/** The job whose modules of this kind have biases; null where they cannot. */
function withBias(place: Module, job: Job, format: Format, edits: Edits): Job | null {
  const { layer, module } = place;
  const isThere = (spec: ModelSpec) =>
    layerTensors({ [module]: spec.layers[layer][module] }, spec.hidden).some(([name]) =>
      name === OUTPUTS[module]
    );
  const spec = job.full.layers[layer][module];
  const isMap = job.drop.changes?.some((one) =>
    one.to === "linear" && one.layer === layer && one.module === module
  );
  if (!spec || isMap || spec.norm.post) return null; // a norm would change it
  if (spec.kind !== "softmax" && spec.kind !== "dense") return null;
  if (isThere(job.full)) return job;
  const layers = job.full.layers.map((layer): LayerSpec => {
    const { attention, mlp } = layer;
    if (module === "mlp") return mlp?.kind === "dense" ? { ...layer, mlp: { ...mlp, bias: true } } : layer;
    if (attention?.kind !== "softmax") return layer;
    return { ...layer, attention: { ...attention, bias: { qkv: true, output: true } } };
  });
  const full = { ...job.full, layers };
  const fields = fieldsOf(job, module, format, isThere);
  return fields && addBiases({ ...job, fields: { ...job.fields, ...fields } }, full, edits);
}

/**
 * What the format's configuration has to say for these biases; null where the model cannot have them. llama.cpp reads those that are
 * there, in `llama` and `deci` alone: `load_tensors`, "optional MLP bias".
 */
function fieldsOf(
  { model, full }: Job,
  module: LayerModule,
  format: Format,
  isThere: (spec: ModelSpec) => boolean,
): Record<string, true> | null {
  const fields: Record<string, true> = { [FIELDS[module]]: true };
  if (format === "hf-nas") return {}; // whose configuration is made anew, with all biases of a kind or none
  if (format === "gguf" || format === "gguf-deci") return GGUF_FAMILIES.includes(full.family) ? {} : null;
  const { drop_attn_list: _, drop_mlp_list: __, ...config } = model.config;
  try {
    return isThere(readSpec(withFields(config, fields), model.name, model.allowed)) ? fields : null;
  } catch { // a family that does not know the field
    return null;
  }
}

/** Families of those two architectures. */
const GGUF_FAMILIES = ["llama", "mistral"];

/** The job with zeros as the biases that `full` has besides; null where the checkpoint would have several in one tensor. */
function addBiases(job: Job, full: ModelSpec, edits: Edits): Job | null {
  const { model } = job;
  const added = full.layers.flatMap((own, layer) => {
    const had = new Set(layerTensors(job.full.layers[layer], full.hidden).map(([name]) => name));
    return layerTensors(own, full.hidden).filter(([name]) => !had.has(name)).map(([canonical, shape]) => {
      const weight = model.stored!(canonical.replace(/bias$/, "weight"), layer);
      return {
        key: `${layer} ${canonical}`,
        ref: { ...weight, name: weight.name.replace(/weight$/, "bias") },
        shape,
      };
    });
  });
  if (added.some(({ ref }) => ref.rows || edits.has(ref.name))) return null;
  const refs = new Map(added.map(({ key, ref }) => [key, ref]));
  if (new Set(added.map(({ ref }) => ref.name)).size < refs.size) return null;
  added.forEach(({ ref: { name }, shape }) => edits.set(name, zeroSource(shape)));
  const stored: typeof model.stored = (canonical, layer) =>
    refs.get(`${layer} ${canonical}`) ?? model.stored!(canonical, layer);
  return { ...job, full, model: { ...model, stored } };
}
