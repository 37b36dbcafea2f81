/**
 * A GGUF file made from a GGUF file, its tensors as they are, quantised ones too.
 *
 * `gguf` keeps the architecture, which runs both modules of every layer: it can only have fewer layers. `gguf-deci` is
 * llama.cpp's architecture for Llama models whose layers differ: one with 0 heads has no attention, no keys and no values.
 * Two things it cannot skip, and they stay with an output projection of zeros: the attention of the first layer, from which
 * llama.cpp takes the size of all heads, and an MLP alone, without which it would pass over the layer's attention too.
 * Source: llama.cpp, `load_hparams` and the graph of `LLM_ARCH_DECI`.
 */
import { readSpec } from "../models/mod.ts";
import { ggufBytes, ggufContent, type GgufFile, type OutTensor, zeros } from "../weights/mod.ts";
import { expectLayers } from "./expect.ts";
import { type Format, inexpressible } from "./formats.ts";
import { type Job, type Made, type Module, modulesText } from "./job.ts";
import { silenced } from "./names.ts";

/** Architectures that are `deci` where no layer differs. */
const LIKE_DECI = ["llama", "deci"];

export async function ggufFiles(job: Job, format: Format): Promise<Made> {
  const { model, stored, kept, lone } = job;
  if (stored.kind !== "gguf") {
    throw inexpressible(format, model.name, "a folder in Hugging Face layout", "is no GGUF file", [
      "hf",
      "llm-drop",
    ]);
  }
  const { file } = stored;
  const own = file.metadata.get("general.architecture") as string;
  const isLikeDeci = LIKE_DECI.includes(own);
  if (format === "gguf-deci" && !isLikeDeci) {
    const what = lone.length > 0 ? modulesText(lone.slice(0, 1)) : "the model";
    throw inexpressible(
      format,
      model.name,
      what,
      `is of architecture ${own}, not llama`,
      lone.length ? ["hf"] : ["hf", "gguf"],
    );
  }
  const architecture = format === "gguf-deci" ? "deci" : own;
  if (architecture !== "deci" && lone.length > 0) {
    const why = `is dropped alone, and ${own} runs both modules of every layer`;
    throw inexpressible(
      format,
      model.name,
      modulesText(lone.slice(0, 1)),
      why,
      isLikeDeci ? ["gguf-deci", "hf"] : ["hf"],
    );
  }
  const { drop_attn_list: _, drop_mlp_list: __, ...config } = model.config;
  expectLayers(job, format, readSpec({ ...config, num_hidden_layers: kept.length }, model.name).layers, [
    "hf",
  ]);
  const skipped = lone.filter(({ module, layer }) => module === "attention" && layer !== kept[0]);
  const zeroed = lone.filter((one) => !skipped.includes(one));
  const metadata = await metadataOf(job, file, [own, architecture], skipped);
  const alignment = file.metadata.get("general.alignment");
  const tensors = tensorsOf(job, file, skipped, silenced(job, zeroed));
  return {
    files: [{ name: "model.gguf", ...ggufContent(metadata, tensors, alignment as number | undefined) }],
    notes: notesOf(skipped, zeroed),
  };
}

function notesOf(skipped: readonly Module[], zeroed: readonly Module[]): string[] {
  return [
    ...skipped.length > 0 ? [`${modulesText(skipped)}: not in the file; llama.cpp does not run it`] : [],
    ...zeroed.length > 0
      ? [
        `${
          modulesText(zeroed)
        }: there with an output projection of zeros, since llama.cpp cannot leave out the first ` +
        "layer's attention, or an MLP alone; time and memory are not saved there",
      ]
      : [],
  ];
}

type Entry = readonly [key: string, value: Uint8Array];

/** The metadata, all of it: the number of layers, lists of one entry a layer, and what `deci` says layer by layer, made anew. */
async function metadataOf(
  { kept, full }: Job,
  file: GgufFile,
  [own, architecture]: readonly [string, string],
  skipped: readonly Module[],
): Promise<Entry[]> {
  const { heads, kvHeads } = full.layers[0].attention!;
  const { size } = full.layers[0].mlp!;
  const byLayer = (count: number) =>
    ggufBytes.i32s(kept.map((l) => skipped.some(({ layer }) => layer === l) ? 0 : count));
  const made: Record<string, Uint8Array> = {
    "general.architecture": ggufBytes.text(architecture),
    [`${own}.block_count`]: ggufBytes.u32(kept.length),
    ...architecture === "deci"
      ? {
        [`${own}.attention.head_count`]: byLayer(heads),
        [`${own}.attention.head_count_kv`]: byLayer(kvHeads),
        [`${own}.feed_forward_length`]: ggufBytes.i32s(kept.map(() => size)),
      }
      : {},
  };
  return await Promise.all([...file.metadata].map(async ([key, value]): Promise<Entry> => {
    const mine = key.startsWith(`${own}.`);
    const name = mine ? `${architecture}.${key.slice(own.length + 1)}` : key;
    const bytes = made[key] ?? await file.storedValue(key);
    const perLayer = mine && !(key in made) && ArrayBuffer.isView(value) &&
      value.length === full.layers.length;
    return [name, perLayer ? entriesOf(bytes, full.layers.length, kept) : bytes];
  }));
}

/** Some entries of a stored array of numbers: its type, its elements' type, their number, they themselves. */
function entriesOf(stored: Uint8Array, length: number, kept: readonly number[]): Uint8Array {
  const head = 4 + 4 + 8;
  const size = (stored.length - head) / length;
  const bytes = new Uint8Array(head + kept.length * size);
  bytes.set(stored.subarray(0, head));
  new DataView(bytes.buffer).setBigUint64(8, BigInt(kept.length), true);
  kept.forEach((l, i) => bytes.set(stored.subarray(head + l * size, head + (l + 1) * size), head + i * size));
  return bytes;
}

function tensorsOf(
  { kept }: Job,
  file: GgufFile,
  skipped: readonly Module[],
  silent: ReadonlySet<string>,
): OutTensor[] {
  return [...file.tensors].flatMap(([stored, { type, shape, bytes }]) => {
    const content = silent.has(stored) ? zeros(bytes) : file.stored(stored);
    const [, number, rest] = /^blk\.(\d+)\.(.*)$/.exec(stored) ?? [];
    if (number === undefined) return [{ name: stored, type, shape, ...content }];
    const index = kept.indexOf(Number(number));
    const isSkipped = rest.startsWith("attn_") && skipped.some(({ layer }) => layer === Number(number));
    return index < 0 || isSkipped ? [] : [{ name: `blk.${index}.${rest}`, type, shape, ...content }];
  });
}
