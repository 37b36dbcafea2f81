/**
 * A GGUF file for llama.cpp; tensors of a GGUF file stay as they are, quantised ones too.
 *
 * `gguf` keeps the architecture, which runs both modules of every layer: it can only have fewer layers. `gguf-deci` is
 * llama.cpp's architecture for Llama models whose layers differ: one with 0 heads has no attention, no keys and no values.
 * Two things it cannot skip, and they stay with an output projection of zeros: the attention of the first layer, from which
 * llama.cpp takes the size of all heads, and an MLP alone, without which it would pass over the layer's attention too.
 * What is to be written is read as our reader would read it, and must be the model that is meant.
 * Source: llama.cpp, `load_hparams` and the graph of `LLM_ARCH_DECI`.
 */
import { ggufConfig, mixerKind, type MlpSpec, readSpec, ropeFactorsOf, scoring } from "../../models/mod.ts";
import { ggufContent, type OutTensor, zeros } from "../../weights/mod.ts";
import { expectExpressible, expectModel } from "../expect.ts";
import {
  type Format,
  Inexpressible,
  type Job,
  type Made,
  type Module,
  modulesText,
  zeroedIn,
} from "../job.ts";
import { holdsMean } from "../names.ts";
import { wholeOfFolder } from "./folder.ts";
import { type Field, field, type Whole, wholeOfFile } from "./whole.ts";

/** Architectures that are `deci` where no layer differs. */
const LIKE_DECI = ["llama", "deci"];

export async function ggufFiles(job: Job, format: Format): Promise<Made> {
  const { stored, lone, model } = job;
  const whole = stored.kind === "gguf"
    ? await wholeOfFile(stored.file)
    : await wholeOfFolder(job, stored.file);
  const architecture = architectureOf(job, whole, format);
  const zeroed = zeroedIn(job, format);
  const skipped = lone.filter((one) => !zeroed.includes(one));
  const metadata = metadataOf(job, whole, architecture, skipped);
  const tensors = tensorsOf(job, whole, skipped, zeroed);
  const described = {
    metadata: new Map([...metadata].map(([key, { value }]) => [key, value])),
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    ropeFactors: stored.kind === "gguf" ? ropeFactorsOf(model.config) : null,
  };
  expectModel(job, readSpec(ggufConfig(described, model.name), model.name), skipped);
  const entries = [...metadata].map(([key, { stored }]) => [key, stored] as const);
  const alignment = metadata.get("general.alignment")?.value as number | undefined;
  return {
    files: [{ name: "model.gguf", ...ggufContent(entries, tensors, alignment) }],
    notes: [...whole.notes, ...notesOf(skipped, zeroed)],
  };
}

function architectureOf(job: Job, { architecture: own }: Whole, format: Format): string {
  const { lone } = job;
  expectExpressible(job, format);
  if (format === "gguf-deci") {
    if (LIKE_DECI.includes(own)) return "deci";
    const what = lone.length > 0 ? modulesText(lone.slice(0, 1)) : "the model";
    throw new Inexpressible(what, `has architecture ${own}, expected llama`);
  }
  if (own === "deci" || lone.length === 0) return own;
  const why = `is dropped alone, and ${own} runs both modules of every layer`;
  throw new Inexpressible(modulesText(lone.slice(0, 1)), why);
}

function notesOf(skipped: readonly Module[], zeroed: readonly Module[]): string[] {
  return [
    ...skipped.length > 0
      ? [`${modulesText(skipped)}: left out of the file; llama.cpp runs the model without`]
      : [],
    ...zeroed.length > 0
      ? [
        `${
          modulesText(zeroed)
        }: stored with an output projection of zeros, because llama.cpp cannot leave out the first ` +
        "layer's attention, or an MLP alone; this saves no time or memory",
      ]
      : [],
  ];
}

/** The metadata, all of it: the number of layers, lists of one entry a layer, and what `deci` says layer by layer, made anew. */
function metadataOf(
  { kept, full }: Job,
  { architecture: own, metadata }: Whole,
  architecture: string,
  skipped: readonly Module[],
): Map<string, Field> {
  const made: Record<string, Field> = {
    "general.architecture": field.text(architecture),
    [`${own}.block_count`]: field.u32(kept.length),
    ...architecture === "deci" ? countsByLayer(full, own, kept, skipped) : {},
  };
  return new Map([...metadata, ...kindsByLayer(full, own)].map(([key, found]): [string, Field] => {
    const mine = key.startsWith(`${own}.`);
    const name = mine ? `${architecture}.${key.slice(own.length + 1)}` : key;
    const isByLayer = mine && !key.endsWith(".rope.dimension_sections"); // four, whatever the number of layers
    return [name, made[key] ?? (isByLayer ? keptEntries(found, full.layers.length, kept) : found)];
  }));
}

/** Which of a hybrid's layers have linear attention: without this they are counted off, and a layer that is gone would move others. */
function kindsByLayer({ layers }: Job["full"], own: string): [string, Field][] {
  const kinds = layers.map(({ attention }) => attention !== null && !mixerKind(attention).forks);
  return kinds.includes(true) ? [[`${own}.attention.recurrent_layers`, field.flags(kinds)]] : [];
}

/** What `deci` says layer by layer, under the keys of the file's own architecture. */
function countsByLayer(
  { layers }: Job["full"],
  own: string,
  kept: readonly number[],
  skipped: readonly Module[],
): Record<string, Field> {
  const { heads, kvHeads } = scoring(layers[0].attention)!;
  const { size } = layers[0].mlp as MlpSpec;
  const byLayer = (count: number) =>
    field.i32s(kept.map((l) => skipped.some(({ layer }) => layer === l) ? 0 : count));
  return {
    [`${own}.attention.head_count`]: byLayer(heads),
    [`${own}.attention.head_count_kv`]: byLayer(kvHeads),
    [`${own}.feed_forward_length`]: field.i32s(kept.map(() => size)),
  };
}

/** The entries of the layers that are left, of an array of one number or flag a layer: type, type of its elements, their number, they. */
function keptEntries(found: Field, layers: number, kept: readonly number[]): Field {
  const { value, stored } = found;
  const isFlags = Array.isArray(value) && value.every((flag) => typeof flag === "boolean");
  if (!(ArrayBuffer.isView(value) || isFlags) || value.length !== layers) return found;
  const head = 4 + 4 + 8;
  const size = (stored.length - head) / layers;
  const bytes = new Uint8Array(head + kept.length * size);
  bytes.set(stored.subarray(0, head));
  new DataView(bytes.buffer).setBigUint64(8, BigInt(kept.length), true);
  kept.forEach((l, i) => bytes.set(stored.subarray(head + l * size, head + (l + 1) * size), head + i * size));
  const isKept = (_: unknown, l: number) => kept.includes(l);
  return { value: (value as Int32Array).filter(isKept), stored: bytes }; // lists of flags have this method too
}

function tensorsOf(
  job: Job,
  { tensors }: Whole,
  skipped: readonly Module[],
  zeroed: readonly Module[],
): OutTensor[] {
  const { kept } = job;
  const outputs = { attention: "attn_output", mlp: "ffn_down" };
  const silent = new Set(
    zeroed.flatMap((one) =>
      ["weight", ...holdsMean(job, one) ? [] : ["bias"]].map((kind) =>
        `blk.${one.layer}.${outputs[one.module]}.${kind}`
      )
    ),
  );
  return tensors.flatMap((tensor) => {
    const [, number, rest] = /^blk\.(\d+)\.(.*)$/.exec(tensor.name) ?? [];
    if (number === undefined) return [tensor];
    const index = kept.indexOf(Number(number));
    const isSkipped = rest.startsWith("attn_") && skipped.some(({ layer }) => layer === Number(number));
    if (index < 0 || isSkipped) return [];
    const content = silent.has(tensor.name) ? zeros(tensor.bytes) : {};
    return [{ ...tensor, ...content, name: `blk.${index}.${rest}` }];
  });
}
