/**
 * Means as biases. A vector b in the place of a module is right in the bias of an output projection that writes to the stream between
 * the same two readers: of the module itself, where a format keeps it with an output projection of zeros, or of the last module
 * before it that is left, since none that is dropped reads the stream. In a layer whose modules read the same stream (parallel) the other
 * one of the layer writes there too.
 */
import { type Change, type LayerModule, MODULES } from "../../measure/mod.ts";
import { type LayerSpec, layerTensors, type ModelSpec, readSpec } from "../../models/mod.ts";
import { changedSpec, checkedTensors, isRun } from "../../run/mod.ts";
import { toFloat32 } from "../../tensor/mod.ts";
import { withFields } from "../config.ts";
import { type Format, Inexpressible, type Job, type Module, modulesText, zeroedIn } from "../job.ts";
import type { Edits } from "./edits.ts";
import { mapped, zeroSource } from "./source.ts";

type Mean = Extract<Change, { readonly to: "mean" }>;

const OUTPUTS: Readonly<Record<LayerModule, string>> = {
  attention: "attention.o_proj.bias",
  mlp: "mlp.down_proj.bias",
};

/** Fields of `config.json` that give all modules of a kind biases, in families that have them. */
const FIELDS: Readonly<Record<LayerModule, string>> = { attention: "attention_bias", mlp: "mlp_bias" };

/** Puts a mean into a bias. Throws `Inexpressible` where no bias is in the right place. */
export function storeMean(change: Mean, job: Job, format: Format, edits: Edits): Job {
  const vector = toFloat32(
    checkedTensors(job.full, change, `export ${job.model.name}`).get(`${change.module}.mean`)!,
  );
  const places = placesOf(change, job, format);
  const [host, biased] = places.map((place) => [place, withBias(place, job, format, edits)] as const)
    .find(([, biased]) => biased !== null) ?? [];
  if (!host || !biased) throw new Inexpressible(modulesText([change]), whyNot(places));
  const { name } = biased.model.stored!(OUTPUTS[host.module], host.layer);
  const isOwn = host.layer === change.layer && host.module === change.module;
  const { updateScale = 1 } = biased.full.layers[host.layer][host.module]!;
  const bias = edits.get(name);
  edits.set(name, mapped(bias, (value, i) => (isOwn ? 0 : value) + vector[i] / updateScale));
  return isOwn ? { ...biased, ownMeans: [...biased.ownMeans, host] } : biased;
}

function whyNot(places: readonly Module[]): string {
  const found = places.length > 0
    ? `${modulesText(places)} has no bias of its output projection, and the format gives it none`
    : "no module before it is left whose bias could hold it";
  return `is replaced by a mean, and ${found}`;
}

/** Modules whose biases are in the right place. */
function placesOf(change: Mean, job: Job, format: Format): Module[] {
  const { layers } = changedSpec(job.full, job.drop);
  const isLeft = ({ layer, module }: Module) => isRun(layers[layer][module]);
  const own = zeroedIn(job, format).filter((one) =>
    one.layer === change.layer && one.module === change.module
  );
  const { layer, module } = change;
  const inOrder = layers.flatMap((_, layer) => MODULES.map((module) => ({ layer, module })));
  const other: Module = { layer, module: module === "attention" ? "mlp" : "attention" };
  const isParallel = layers[layer].residual === "parallel";
  const before = isParallel && isLeft(other)
    ? other
    : inOrder.slice(0, 2 * layer + MODULES.indexOf(module)).findLast(isLeft);
  return [...own, ...before ? [before] : []];
}

/** The job whose modules of this kind have biases; null where they cannot. */
function withBias(place: Module, job: Job, format: Format, edits: Edits): Job | null {
  const { layer, module } = place;
  const isThere = (spec: ModelSpec) =>
    layerTensors({ [module]: spec.layers[layer][module] }, spec.hidden).some(([name]) =>
      name === OUTPUTS[module]
    );
  const spec = job.full.layers[layer][module];
  if (!spec || spec.norm.post || spec.kind !== "softmax" && spec.kind !== "dense") return null; // a norm would change it
  if (isThere(job.full)) return job;
  const full = { ...job.full, layers: job.full.layers.map((own) => biasedLayer(own, module)) };
  const fields = fieldsOf(job, module, format, isThere);
  return fields && addBiases({ ...job, fields: { ...job.fields, ...fields } }, full, edits);
}

function biasedLayer(layer: LayerSpec, module: LayerModule): LayerSpec {
  const { attention, mlp } = layer;
  if (module === "mlp") return mlp?.kind === "dense" ? { ...layer, mlp: { ...mlp, bias: true } } : layer;
  if (attention?.kind !== "softmax") return layer;
  return { ...layer, attention: { ...attention, bias: { qkv: true, output: true } } };
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
