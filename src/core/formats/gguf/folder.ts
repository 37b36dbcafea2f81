/**
 * A folder in Hugging Face layout as the GGUF file that llama.cpp's converter would make of it: names, metadata, rows of q
 * and k of Llama models in pairs, Gemma's norms with one added, all vectors as F32. Matrices keep their type.
 * Source: llama.cpp, `convert_hf_to_gguf.py`.
 */
import {
  ggufNames,
  type MlpSpec,
  type ModelSpec,
  modelTensors,
  type RopeSpec,
  scoring,
  storedTensor,
} from "../../models/mod.ts";
import { readJson } from "../../subject/mod.ts";
import { ggufVocabulary } from "../../text/mod.ts";
import {
  commonType,
  ggufBytes,
  type GgufFile,
  type GgufValue,
  type OutTensor,
  type PagedFile,
} from "../../weights/mod.ts";
import { converted, storedOtherwise } from "../converted.ts";
import { type FolderWeights, Inexpressible, type Job, notesOnPacked } from "../job.ts";
import { presence } from "../names.ts";
import architectures from "../architectures.json" with { type: "json" };

interface Architecture {
  /** llama.cpp's name. */
  readonly name: string;
  /** Positions where `config.json` does not say: transformers' default. */
  readonly positions: number;
  /** Whether it says the rotation of layers with a window by itself. */
  readonly localTheta?: true;
}

/** By Hugging Face's `model_type`: the families that become GGUF files. */
export const ARCHITECTURES = architectures.gguf as Readonly<Record<string, Architecture>>;

/** Numbers of the usual files in `general.file_type`. */
const FILE_TYPES: Readonly<Record<string, number>> = { F32: 0, F16: 1, BF16: 32 };

export async function wholeOfFolder(job: Job, stored: FolderWeights): Promise<Whole> {
  const { full } = job, { file } = stored;
  if (!Object.hasOwn(ARCHITECTURES, full.family)) {
    const known = Object.keys(ARCHITECTURES).join(", ");
    throw new Inexpressible("the model", `is of family ${full.family}, expected one of ${known}`);
  }
  const architecture = ARCHITECTURES[full.family];
  const { name, positions } = architecture;
  const tensors = tensorsOf(job, file, name);
  const { fields, notes } = await tokenizerFields(job);
  return {
    architecture: name,
    metadata: new Map([
      ["general.architecture", field.text(name)],
      ["general.file_type", field.u32(FILE_TYPES[commonType(tensors)])],
      ...Object.entries(fieldsOf(full, full.trained ?? positions, architecture)).map(([key, value]) =>
        [`${name}.${key}`, value] as const
      ),
      ...fields,
    ]),
    tensors,
    notes: [...notesOnPacked(stored), ...notes],
  };
}

/** Entries of the metadata under the architecture's own keys. */
function fieldsOf(full: ModelSpec, positions: number, { localTheta }: Architecture): Record<string, Field> {
  const attentions = full.layers.map(({ attention }) => scoring(attention)!);
  const attention = attentions.find(({ window }) => window === null) ?? attentions[0];
  const { heads, kvHeads, headSize, softcap, rope } = attention;
  const local = attentions.find(({ window }) => window !== null);
  return {
    context_length: field.u32(positions),
    embedding_length: field.u32(full.hidden),
    block_count: field.u32(full.layers.length),
    feed_forward_length: field.u32((full.layers[0].mlp as MlpSpec).size),
    "attention.head_count": field.u32(heads),
    "attention.head_count_kv": field.u32(kvHeads),
    "attention.key_length": field.u32(headSize),
    "attention.value_length": field.u32(headSize),
    "attention.layer_norm_rms_epsilon": field.f32(full.finalNorm.epsilon),
    ...rope ? { "rope.dimension_count": field.u32(rope.size), "rope.freq_base": field.f32(rope.theta) } : {},
    vocab_size: field.u32(full.vocabulary),
    ...scalingFields(rope?.scaling),
    ...local ? { "attention.sliding_window": field.u32(local.window!) } : {},
    ...local && localTheta ? { "rope.freq_base_swa": field.f32(local.rope!.theta) } : {},
    ...softcap === null ? {} : { attn_logit_softcapping: field.f32(softcap) },
    ...full.head.softcap === null ? {} : { final_logit_softcapping: field.f32(full.head.softcap) },
  };
}

function scalingFields(scaling: RopeSpec["scaling"] | undefined): Record<string, Field> {
  switch (scaling?.type) {
    case undefined:
      return {};
    case "linear":
      return { "rope.scaling.type": field.text("linear"), "rope.scaling.factor": field.f32(scaling.factor) };
    case "yarn":
      return {
        "rope.scaling.type": field.text("yarn"),
        "rope.scaling.factor": field.f32(scaling.factor),
        "rope.scaling.original_context_length": field.u32(scaling.originalMaxPositions),
      };
    default:
      throw new Inexpressible("attention 0", `has rope type ${scaling!.type}, expected linear or yarn`);
  }
}

function tensorsOf(job: Job, file: PagedFile, architecture: string): OutTensor[] {
  const { model, full } = job;
  const names = ggufNames(architecture, full);
  const isThere = presence(job);
  return modelTensors(full).filter(({ need: [canonical], layer }) =>
    layer === undefined || isThere(canonical, layer)
  ).map(({ need: [canonical], layer }) => {
    const { name } = storedTensor(names, canonical, layer);
    const stored = model.stored!(canonical, layer);
    return converted(file, stored, name, {
      ...storedOtherwise(full, architecture, canonical, "gguf"),
      float32: file.tensors.get(stored.name)!.shape.length === 1,
    });
  });
}

/** The tokenizer as entries of the metadata, and notes for users. Throws `Inexpressible` if GGUF has no such tokenizer. */
async function tokenizerFields(job: Job): Promise<{ fields: (readonly [string, Field])[]; notes: string[] }> {
  const { model, files, full } = job;
  const names = files.list();
  if (!names.includes("tokenizer.json")) {
    return {
      fields: [["tokenizer.ggml.model", field.text("none")]],
      notes: ["the folder has no tokenizer.json, so the file has no tokenizer"],
    };
  }
  const definition = await readJson(files, "tokenizer.json");
  const found = ggufVocabulary(definition, full.vocabulary);
  if (typeof found === "string") throw new Inexpressible("the tokenizer", found);
  const { bos, eos, addsBos } = await model.tokenizer();
  // How a conversation becomes a text, where the folder says.
  const config = names.includes("tokenizer_config.json") && await readJson(files, "tokenizer_config.json");
  const { chat_template: template } = (config || {}) as { chat_template?: unknown };
  const id = (name: string, value: number | null) =>
    value === null ? [] : [[`tokenizer.ggml.${name}_token_id`, field.u32(value)] as const];
  return {
    fields: [
      ["tokenizer.ggml.model", field.text("gpt2")],
      ["tokenizer.ggml.pre", field.text(found.pre)],
      ["tokenizer.ggml.tokens", field.texts(found.tokens)],
      ["tokenizer.ggml.token_type", field.i32s(found.types)],
      ["tokenizer.ggml.merges", field.texts(found.merges)],
      ...id("bos", bos),
      ...id("eos", eos),
      ["tokenizer.ggml.add_bos_token", field.flag(addsBos)],
      ...typeof template === "string" ? [["tokenizer.chat_template", field.text(template)] as const] : [],
    ],
    notes: [],
  };
}

/** A value of the metadata, and its stored bytes. */
export type Field = { readonly value: GgufValue; readonly stored: Uint8Array };

/** A whole model in the form of a GGUF file, with every module: read from a file, or made from a folder. */
export interface Whole {
  /** llama.cpp's name for it, with which the model's own keys begin. */
  readonly architecture: string;
  readonly metadata: ReadonlyMap<string, Field>;
  readonly tensors: readonly OutTensor[];
  readonly notes: readonly string[];
}

const as = <Value extends GgufValue>(
  bytes: (value: Value) => Uint8Array,
  held: (value: Value) => GgufValue = (value) => value,
) =>
(value: Value): Field => ({ value: held(value), stored: bytes(value) });

/** Values of metadata in the types that llama.cpp expects of them. */
export const field = {
  u32: as(ggufBytes.u32),
  f32: as(ggufBytes.f32, Math.fround),
  flag: as(ggufBytes.flag),
  text: as(ggufBytes.text),
  texts: as(ggufBytes.texts),
  flags: as(ggufBytes.flags),
  i32s: as(ggufBytes.i32s, (value) => Int32Array.from(value)),
};

/** A file as it is, quantised tensors too. */
export async function wholeOfFile(file: GgufFile): Promise<Whole> {
  const fields = [...file.metadata].map(async ([key, value]): Promise<[string, Field]> => [
    key,
    { value, stored: await file.storedValue(key) },
  ]);
  return {
    architecture: file.metadata.get("general.architecture") as string,
    metadata: new Map(await Promise.all(fields)),
    tensors: [...file.tensors].map(([name, { type, shape }]) => ({
      name,
      type,
      shape,
      ...file.stored(name),
    })),
    notes: [],
  };
}
