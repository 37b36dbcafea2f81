/** The job of an export, the same for every format. */
import { closed, sum } from "../entry/mod.ts";
import { type DropPlan, type LayerModule, MODULES } from "../measure/mod.ts";
import type { ModelFiles } from "../hub/mod.ts";
import { firstScoring, type ModelSpec, readDropList, readSpec } from "../models/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import { type Content, contentOf, type GgufFile, type PagedFile, ranges } from "../weights/mod.ts";

export interface Module {
  readonly module: LayerModule;
  /** In the original numbering. */
  readonly layer: number;
}

/** A layer of a smaller model: the layers, in the original numbering, whose modules it has. */
export type Row = Readonly<Record<LayerModule, number>>;

export interface FolderWeights {
  readonly kind: "folder";
  /** Packed matrices are float32. */
  readonly file: PagedFile;
  /** The type of packed matrices in the folder; absent where none is. */
  readonly packed?: string | undefined;
}

/** Stored weights: a folder's, or a GGUF file's. */
export type Stored = FolderWeights | {
  readonly kind: "gguf";
  readonly file: GgufFile;
  readonly packed?: undefined;
};

/** A smaller model that is to be written. */
export interface Job {
  readonly model: StudyModel;
  readonly files: ModelFiles;
  readonly stored: Stored;
  /** The model with every module, those too that the checkpoint's own lists leave out. */
  readonly full: ModelSpec;
  /** Dropped modules, first dropped first, after those that the checkpoint itself leaves out; and all other changes. */
  readonly drop: DropPlan;
  /** Modules that the checkpoint itself leaves out. */
  readonly before: DropPlan;
  /** Layers that keep a module, in order; a mean runs nothing. */
  readonly kept: readonly number[];
  /** The layers of the smaller model, where it has both modules in each: the layer that each is from. */
  readonly rows: readonly Row[];
  /** Modules that are dropped, or replaced by a mean, and whose layer keeps the other one. */
  readonly lone: readonly Module[];
  /** Whether some stored weights are not those of the files. */
  readonly edited: boolean;
  /** Fields of `config.json` in which the smaller model differs: biases that it has. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Those of `lone` whose own bias holds the mean of their update. */
  readonly ownMeans: readonly Module[];
}

export interface OutFile extends Content {
  readonly name: string;
}

export const bytesOfFiles = (files: readonly OutFile[]): number => sum(files, ({ bytes }) => bytes);

export const originalBytes = ({ files }: Pick<Job, "files">): number => sum(files.list(), files.size);

/** A smaller model as files; nothing is written yet. */
export interface Made {
  readonly files: readonly OutFile[];
  /** Notes for users of the model in words of our own: the model card takes them as Markdown. */
  readonly notes: readonly string[];
  /** Modules that are dropped and yet in the files, with zeros: readers run them and keep their keys and values. */
  readonly zeroed?: readonly Module[];
}

/** The job of leaving modules out, in the order given. Throws `RangeError` if every module is left out. */
export function jobOf(model: StudyModel, files: ModelFiles, stored: Stored, drop: DropPlan): Job {
  const { drop_attn_list, drop_mlp_list, ...config } = model.config;
  const full = readSpec(config, model.name, model.allowed);
  const own = (list: unknown, name: string) => [...readDropList(list, full.layers.length, name, model.name)];
  const before = {
    attention: own(drop_attn_list, "drop_attn_list"),
    mlp: own(drop_mlp_list, "drop_mlp_list"),
  };
  const all = {
    attention: [...before.attention, ...drop.attention],
    mlp: [...before.mlp, ...drop.mlp],
    ...drop.changes ? { changes: drop.changes } : {},
    ...drop.tables ? { tables: drop.tables } : {},
  };
  if (!firstScoring(full)) {
    throw new RangeError(
      `Cannot export ${model.name}: no layer has heads, expected attention in one at least`,
    );
  }
  const same = { edited: false, fields: {}, ownMeans: [] };
  const places = placesOf(full, all, model.name);
  return { model, files, stored, full, drop: all, before, ...places, ...same };
}

/** The job of writing the model as it is. */
export function wholeJob(job: Job): Job {
  return { ...job, drop: job.before, ...placesOf(job.full, job.before, job.model.name) };
}

/** Layers that are left, and modules that are not. Throws `RangeError` where nothing would be left. */
function placesOf({ layers }: ModelSpec, drop: DropPlan, name: string): Pick<Job, "kept" | "lone" | "rows"> {
  const means = (drop.changes ?? []).filter(({ to }) => to === "mean");
  const lacks = (module: Module["module"], layer: number) =>
    drop[module].includes(layer) || means.some((one) => one.module === module && one.layer === layer);
  const kept = [...layers.keys()].filter((l) => !lacks("attention", l) || !lacks("mlp", l));
  if (kept.length === 0) {
    throw new RangeError(`Cannot export ${name}: all its modules are dropped, expected at least one left`);
  }
  const lone = kept.flatMap((layer) =>
    MODULES.flatMap((module) => lacks(module, layer) ? [{ module, layer }] : [])
  );
  return { kept, lone, rows: rowsOf(kept) };
}

export function rowsOf(layers: readonly number[]): Row[] {
  return layers.map((layer) => ({ attention: layer, mlp: layer }));
}

/** "attention 3, MLP 5". */
export function modulesText(modules: readonly Module[]): string {
  return modules.map(({ module, layer }) => `${module === "mlp" ? "MLP" : module} ${layer}`).join(", ");
}

/** Whether a format is llama.cpp's architecture of layers that differ. */
export function isDeci({ stored }: Job, format: Format): boolean {
  const own = stored.kind === "gguf" && stored.file.metadata.get("general.architecture");
  return format === "gguf-deci" || format === "gguf" && own === "deci";
}

const shell = (command: string) => ["```sh", command, "```"];
const python = (module: string, model: string) => ["```python", module, "", `model = ${model}`, "```"];

/** The formats in which a smaller model can be written. A new one is a name and a use here, and its maker in formats.ts. */
export const FORMATS = ["llm-drop", "hf", "hf-nas", "gguf", "gguf-deci", "onnx"] as const;
/** A format in which a smaller model can be written. */
export type Format = typeof FORMATS[number];

/** What runs each format, to be pasted in the model's folder. */
export const USES: Readonly<Record<Format, readonly string[]>> = {
  "llm-drop": shell('lamina generate --prompt "Once upon a time" .'),
  hf: python("from transformers import AutoModelForCausalLM", 'AutoModelForCausalLM.from_pretrained(".")'),
  "hf-nas": shell('mlx_lm.generate --model . --prompt "Once upon a time"'),
  gguf: shell('llama-cli -m model.gguf -p "Once upon a time"'),
  "gguf-deci": shell('llama-cli -m model.gguf -p "Once upon a time"'),
  onnx: python("import onnxruntime_genai", 'onnxruntime_genai.Model(".")'),
};

/** That a format cannot express a model: what stands in the way ("attention 3"), and why. Never leaves this room. */
export class Inexpressible extends Error {
  constructor(what: string | Module, why: string) {
    super(`${typeof what === "string" ? what : modulesText([what])} ${why}`);
  }
}

/** A file of the checkpoint, byte for byte. */
export function copyOf({ files }: Job, name: string): OutFile {
  return {
    name,
    bytes: files.size(name),
    async *parts() {
      using source = closed(await files.open(name));
      for (const [start, end] of ranges(0, source.size)) yield await source.read(start, end);
    },
  };
}

export function textFile(name: string, text: string): OutFile {
  return { name, ...contentOf(new TextEncoder().encode(text)) };
}

/** A JSON file, laid out as Hugging Face's libraries do. */
export function jsonFile(name: string, value: unknown): OutFile {
  return textFile(name, JSON.stringify(value, null, 2) + "\n");
}

/** What users should know of types that are written as float32. */
export function dequantised(types: readonly string[]): string {
  return `${types.join(", ")}: dequantised to F32, with the same values`;
}

export function notesOnPacked({ packed }: FolderWeights): string[] {
  return packed === undefined ? [] : [dequantised([packed])];
}

/** Whether a file of a folder carries weights, or says in which file they are. */
export const isOfWeights = (name: string): boolean => /\.safetensors(\.index\.json)?$/.test(name);
