/** A folder whose head differs from the embedding that its configuration ties it to is counted as the configuration says. */
import { closed, displayable, enter, expect, like, oneLine, type Reports, sum } from "core/entry/mod.ts";
import { isWeights, type ModelFiles, openModel as openFiles } from "core/hub/mod.ts";
import {
  allowedFields,
  covering,
  type FeedSpec,
  loadGguf,
  mixerKind,
  type MixerSpec,
  type ModelSpec,
  oneTable,
  outerTensors,
  packingOf,
  readSpec,
  routed,
  scoring,
} from "core/models/mod.ts";
import { head } from "core/result/mod.ts";
import { type Info, infoKind } from "./result.ts";
import { elements } from "core/tensor/mod.ts";
import { openGguf, openSafetensors, withMxfp4, withPacked } from "core/weights/mod.ts";
import {
  modelChecks,
  type ModelOptions,
  readJson,
  sizesOf,
  type StudyModel,
  tellUnused,
} from "core/subject/mod.ts";

const aSource = like(
  "a model that was opened from files, or the name of one",
  (value) =>
    typeof value === "string" && value !== "" ||
    typeof value === "object" && (value as Partial<StudyModel> | null)?.files !== undefined,
);

/** Characters of a licence or an origin that are shown. */
const MOST = 120;

/**
 * Returns the properties of a model: family, modules, parameters, size and format of its files, trained length, vocabulary, bytes of
 * keys and values, licence and origin. Only headers are read, and weights on the hub are not fetched; but of a GGUF file on this machine the tables of words, if it has two. Throws `Error` for a model
 * that cannot be found, and `TypeError` for one that is not supported.
 *
 * @example
 * ```ts
 * import { info } from "lamina";
 *
 * const { family, parameters, trained } = await info("data/series/pre-ln/step04096");
 * console.log(family, parameters.all, trained); // a small Llama of 256 positions
 * ```
 */
export async function info(
  model: Pick<StudyModel, "files" | "allowed"> | string,
  options: ModelOptions = {},
): Promise<Info> {
  expect("describe", "model", model, aSource);
  const name = typeof model === "string" ? model : model.files?.name ?? "a model";
  return await enter("describe", name, options, modelChecks, async ({ allowFields, ...options }) => {
    if (typeof model !== "string") return await infoOf(model.files!, model.allowed ?? allowFields, options);
    using files = closed(await openFiles(model, { ...options, stream: true }));
    return await infoOf(files, allowFields, options);
  });
}

async function infoOf(files: ModelFiles, allowed: readonly string[] = [], { onNotice }: Reports) {
  const { spec, format, licence, used, tables } = files.kind === "gguf"
    ? await ggufHeaders(files, allowed)
    : await folderHeaders(files, allowed);
  tellUnused(files.name, allowed, used, onNotice);
  const stated = await files.licence?.() ?? licence;
  return displayable({
    ...head(infoKind),
    model: files.name,
    revision: files.revision,
    origin: files.origin ?? "this machine",
    licence: stated === null ? null : oneLine(stated, MOST),
    format,
    bytes: sum(files.list().filter(isWeights), files.size),
    ...modulesOf(spec),
    ...tables ? { tables } : {},
  });
}

async function ggufHeaders(files: ModelFiles, allowed: readonly string[]) {
  const source = await files.open(files.list()[0]);
  using file = closed(await openGguf(source));
  const { spec, stored, allowed: used } = await loadGguf(file, files.name, { allowed });
  const [embedding, head] = ["embedding.weight", "head.weight"].map((name) => stored!(name).name);
  const tables = source.path === undefined ? null : await oneTable(file, { embedding, head });
  const [name, id] = ["general.license.name", "general.license"].map((key) => file.metadata.get(key));
  const stated = [id, name].find((value) => typeof value === "string" && value.trim() !== "");
  return { spec, format: file.format, licence: stated === undefined ? null : String(stated), used, tables };
}

async function folderHeaders(files: ModelFiles, allowed: readonly string[]) {
  const config = await readJson(files, "config.json"), name = `${files.name}: config.json`;
  const spec = readSpec(config, name, allowed);
  using file = closed(withMxfp4(await openSafetensors(files)));
  const { format } = await withPacked(file, packingOf(config, name), files.name);
  const fields = allowedFields(config, name, allowed);
  const used = allowed.filter((own) => fields.includes(own) || file.tensors.keys().some(covering(own)));
  return { spec, format, licence: null, used, tables: null };
}

/** The properties that follow from a specification. */
function modulesOf(spec: ModelSpec) {
  const sizes = sizesOf(spec);
  const total = (values: readonly (number | null)[]) => sum(values, (value) => value ?? 0);
  const isEmbedding = (name: string) => /^(embedding|position|head)\./.test(name);
  const outer = outerTensors(spec).filter(([name]) => isEmbedding(name));
  return {
    family: spec.family,
    layers: spec.layers.length,
    hidden: spec.hidden,
    vocabulary: spec.vocabulary,
    trained: spec.trained ?? null,
    attention: alike(spec.layers.map(({ attention }) => attention), attentionOf),
    mlp: alike(spec.layers.map(({ mlp }) => mlp), mlpOf),
    parameters: {
      all: sizes.parameters,
      attention: total(sizes.attention),
      mlp: total(sizes.mlp),
      embeddings: sum(outer, ([, shape]) => elements(shape)),
    },
    kvBytesPerToken: total(sizes.kvBytes),
  };
}

/** Modules with the number of layers that have one like them, in the order of the layers. */
function alike<Spec, Shown extends object>(modules: readonly (Spec | null)[], of: (spec: Spec) => Shown) {
  const shown = modules.flatMap((spec) => spec === null ? [] : [of(spec)]);
  return [...Map.groupBy(shown, (module) => JSON.stringify(module)).values()]
    .map((group) => ({ ...group[0], layers: group.length }));
}

function attentionOf(spec: MixerSpec) {
  const own = scoring(spec);
  const [heads, headSize] = own ? [own.heads, own.headSize] : mixerKind(spec).inside(spec)?.v ?? [null, null];
  const { kvHeads = null, window = null } = own ?? {};
  return { type: spec.kind, heads, kvHeads, headSize, window };
}

function mlpOf(spec: FeedSpec) {
  const mixture = routed(spec);
  return {
    type: spec.kind,
    width: mixture?.expert.size ?? (spec.kind === "dense" ? spec.size : null),
    experts: mixture?.experts ?? null,
    top: mixture?.top ?? null,
    shared: mixture?.shared != null,
  };
}
