/**
 * A GGUF file for llama.cpp; tensors of a GGUF file stay as they are, quantised ones too.
 *
 * `gguf` keeps the architecture, which runs both modules of every layer: it can only have fewer layers. `gguf-deci` is
 * llama.cpp's architecture for Llama models whose layers differ (blocks.ts): attention that is dropped is not there, and keeps no keys and
 * values; a linear map takes the place of a module.
 * What is to be written is read as our reader would read it, and must be the model that is meant.
 */
import {
  firstScoring,
  ggufConfig,
  mixerKind,
  type MlpSpec,
  type ModelSpec,
  readSpec,
  ropeFactorsOf,
  scoring,
} from "../../models/mod.ts";
import { commonType, ggufContent, ggufMixes } from "../../weights/mod.ts";
import { expectModel } from "../expect.ts";
import { type Format, Inexpressible, type Job, type Made, type Module, modulesText } from "../job.ts";
import { type Block, deciBlocks, wholeBlocks } from "./blocks.ts";
import { type Field, field, type Whole, wholeOfFile, wholeOfFolder } from "./folder.ts";
import { retypedTensors } from "./types.ts";

/** Types of tensors that llama.cpp multiplies with activations as they are, or rounded as the tensors are. */
const UNROUNDED = ["F32", "F16", "BF16"];
const ROUNDED =
  "llama.cpp rounds activations to 8 bits in products with quantised weights and Lamina does not, so their texts may differ";

/** The number of the first mix that has its name of a type. */
const mixOf = (type: string): number => [...ggufMixes].find(([, mix]) => mix.startsWith(type))![0];

/** Architectures that are `deci` where no layer differs. */
const LIKE_DECI = ["llama", "deci"];

export async function ggufFiles(all: Job, format: Format): Promise<Made> {
  const { stored, model, drop: { changes, tables, ...lists }, full } = all;
  const found = stored.kind === "gguf" ? await wholeOfFile(stored.file) : await wholeOfFolder(all, stored);
  const whole = { ...found, tensors: retypedTensors(all, found.architecture, found.tensors) };
  const others = changes?.filter(({ to }) => to !== "types") ?? [];
  const job = {
    ...all,
    drop: { ...lists, ...others.length > 0 ? { changes: others } : {} },
    full: tables?.both ? { ...full, head: { ...full.head, tied: true } } : full,
  };
  const architecture = architectureOf(job, whole, format);
  const blocks = architecture === "deci" ? deciBlocks(job, whole.tensors) : wholeBlocks(job, whole.tensors);
  const metadata = metadataOf(job.full, whole, architecture, blocks);
  if (changes?.some(({ to }) => to === "types") || tables) {
    metadata.set("general.file_type", field.u32(mixOf(commonType(whole.tensors))));
  }
  const tensors = [
    ...whole.tensors.filter(({ name }) => !name.startsWith("blk.")),
    ...blocks.flatMap(({ tensors }, index) =>
      tensors.map((tensor) => ({ ...tensor, name: `blk.${index}.${tensor.name}` }))
    ),
  ];
  const described = {
    metadata: new Map([...metadata].map(([key, { value }]) => [key, value])),
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    ropeFactors: stored.kind === "gguf" ? ropeFactorsOf(model.config) : null,
  };
  expectModel(job, readSpec(ggufConfig(described, model.name), model.name), blocks);
  const entries = [...metadata].map(([key, { stored }]) => [key, stored] as const);
  const alignment = metadata.get("general.alignment")?.value as number | undefined;
  return {
    files: [{ name: "model.gguf", ...ggufContent(entries, tensors, alignment) }],
    notes: [
      ...whole.notes,
      ...tables?.both ? [`embedding and head are one table of words, the original's ${tables.both}`] : [],
      ...architecture === "deci" ? notesOf(job, blocks) : [],
      ...tensors.every(({ type }) => UNROUNDED.includes(type)) ? [] : [ROUNDED],
    ],
    zeroed: job.lone.filter(isZeroedIn(job)),
  };
}

function architectureOf(job: Job, { architecture: own }: Whole, format: Format): string {
  const { lone } = job;
  if (format === "gguf-deci") {
    if (LIKE_DECI.includes(own)) return "deci";
    const what = lone.length > 0 ? modulesText(lone.slice(0, 1)) : "the model";
    throw new Inexpressible(what, `has architecture ${own}, expected llama`);
  }
  if (own === "deci" || lone.length === 0) return own;
  const why = `is dropped alone, and ${own} runs both modules of every layer`;
  throw new Inexpressible(lone[0], why);
}

const isZeroedIn = ({ kept }: Job) => ({ module, layer }: Module) =>
  module === "attention" && layer === kept[0];

function notesOf(job: Job, blocks: readonly Block[]): string[] {
  const { lone, kept } = job;
  const isZeroed = isZeroedIn(job);
  const zeroed = lone.filter(isZeroed);
  const skipped = lone.filter((one) => !isZeroed(one));
  const added = blocks.length - kept.length;
  return [
    ...skipped.length > 0
      ? [
        `${modulesText(skipped)}: not in the file; llama.cpp runs without ${
          skipped.length > 1 ? "them" : "it"
        }`,
      ]
      : [],
    ...zeroed.length > 0
      ? [
        `${modulesText(zeroed)}: stored with an output projection of zeros, because llama.cpp cannot leave ` +
        "out the first layer's attention; this saves no time or memory",
      ]
      : [],
    ...added > 0
      ? [
        `the file has ${added} more layers than the model keeps: what a linear map or a mean adds, and the module after it, ` +
        "do not go into one layer of llama.cpp's",
      ]
      : [],
  ];
}

/** The metadata, all of it: the number of layers, lists of one entry a layer, and what `deci` says layer by layer, made anew. */
function metadataOf(
  full: ModelSpec,
  { architecture: own, metadata }: Whole,
  architecture: string,
  blocks: readonly Block[],
): Map<string, Field> {
  const made: Record<string, Field> = {
    "general.architecture": field.text(architecture),
    [`${own}.block_count`]: field.u32(blocks.length),
    ...architecture === "deci" ? countsByLayer(full, own, blocks) : {},
  };
  const layers = blocks.map(({ layer }) => layer);
  return new Map([...metadata, ...kindsByLayer(full, own)].map(([key, found]): [string, Field] => {
    const mine = key.startsWith(`${own}.`);
    const name = mine ? `${architecture}.${key.slice(own.length + 1)}` : key;
    const isByLayer = mine && !key.endsWith(".rope.dimension_sections"); // four, whatever the number of layers
    return [name, made[key] ?? (isByLayer ? entriesOf(found, full.layers.length, layers) : found)];
  }));
}

/** Which of a hybrid's layers have linear attention: without this they are counted off, and a layer that is gone would move others. */
function kindsByLayer({ layers }: Job["full"], own: string): [string, Field][] {
  const kinds = layers.map(({ attention }) => attention !== null && !mixerKind(attention).forks);
  return kinds.includes(true) ? [[`${own}.attention.recurrent_layers`, field.flags(kinds)]] : [];
}

/** What `deci` says layer by layer, under the keys of the file's own architecture. */
function countsByLayer(full: ModelSpec, own: string, blocks: readonly Block[]): Record<string, Field> {
  const { heads, kvHeads } = firstScoring(full)!;
  const counts = (count: (spec: Block["spec"]) => number) =>
    field.i32s(blocks.map(({ spec }) => count(spec)));
  return {
    [`${own}.attention.head_count`]: counts(({ attention }) => attention ? heads : 0),
    [`${own}.attention.head_count_kv`]: counts(({ attention }) => scoring(attention) ? kvHeads : 0),
    [`${own}.feed_forward_length`]: counts(({ mlp }) => (mlp as MlpSpec).size),
  };
}

/** The entries of these layers, of an array of one number or flag a layer: type, type of its elements, their number, they. */
function entriesOf(found: Field, layers: number, wanted: readonly number[]): Field {
  const { value, stored } = found;
  const isFlags = Array.isArray(value) && value.every((flag) => typeof flag === "boolean");
  if (!(ArrayBuffer.isView(value) || isFlags) || value.length !== layers) return found;
  const head = 4 + 4 + 8;
  const size = (stored.length - head) / layers;
  const bytes = new Uint8Array(head + wanted.length * size);
  bytes.set(stored.subarray(0, head));
  new DataView(bytes.buffer).setBigUint64(8, BigInt(wanted.length), true);
  wanted.forEach((l, i) =>
    bytes.set(stored.subarray(head + l * size, head + (l + 1) * size), head + i * size)
  );
  const entries = Array.from(wanted, (l) => (value as Int32Array)[l]);
  const List = value.constructor as typeof Int32Array; // lists of flags have the same
  return { value: List.from(entries), stored: bytes };
}
