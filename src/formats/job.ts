/** The job of an export, the same for every format. */
import { closed, sum } from "../entry/mod.ts";
import { type DropPlan, type LayerModule, type Visit, type Way, WAYS } from "../measure/mod.ts";
import type { ModelFiles } from "../hub/mod.ts";
import type { ModelSpec } from "../models/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import { type Content, contentOf, type GgufFile, type PagedFile, ranges } from "../weights/mod.ts";

export interface Module {
  readonly module: LayerModule;
  readonly layer: number;
  /** Which visit of its layer it is, where it is one of several. */
  readonly visit?: number | undefined;
}

/** A layer of a smaller model: the layers of a job whose modules it has. */
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

/** A model to write, and how it is stored. */
interface Checkpoint {
  readonly model: StudyModel;
  readonly files: ModelFiles;
  readonly stored: Stored;
  /** The model with every module, those too that the checkpoint's own lists leave out. */
  readonly full: ModelSpec;
}

/** The same as it is, in its own numbers. */
export interface Original extends Checkpoint {
  /** Modules that the checkpoint itself leaves out. */
  readonly before: DropPlan;
}

/** A smaller model to write. Its layers are the visits of a path, each stored as a layer of its own. */
export interface Job extends Checkpoint {
  readonly original: Original;
  /** Dropped modules, first dropped first, after those that the checkpoint itself leaves out; and all other changes. */
  readonly plan: DropPlan;
  /** The runs of the original's layers; without a path, one of each. */
  readonly visits: readonly Visit[];
  /** The plan in numbers of visits. */
  readonly drop: DropPlan;
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

export function rowsOf(layers: readonly number[]): Row[] {
  return layers.map((layer) => ({ attention: layer, mlp: layer }));
}

/** "attention 3, MLP 5", "MLP 5 at visit 1". */
export function modulesText(modules: readonly Module[]): string {
  return modules.map(({ module, layer, visit }) =>
    `${module === "mlp" ? "MLP" : module} ${layer}${visit === undefined ? "" : ` at visit ${visit}`}`
  ).join(", ");
}

/** Modules of a job in the original's numbers. */
export function originalsOf({ visits }: Job, modules: readonly Module[]): Module[] {
  return modules.map(({ module, layer: l }) => {
    const { layer, visit } = visits[l];
    const isOne = visits.filter((one) => one.layer === layer).length === 1;
    return { module, layer, ...isOne ? {} : { visit } };
  });
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

/** The ways of a path that files of each format can hold; layers that do not read what the one before them wrote need a graph. */
export const HOLDS: Readonly<Record<Format, readonly Way[]>> = {
  "llm-drop": [],
  hf: ["repeat", "swap"],
  "hf-nas": ["repeat", "swap"],
  gguf: ["repeat", "swap"],
  "gguf-deci": ["repeat", "swap"],
  onnx: WAYS,
};

/** Formats whose files hold the weights of a layer once, however often it runs. */
export const SHARING: readonly Format[] = ["onnx"];

/** What runs each format, to be pasted in the model's folder. */
export const USES: Readonly<Record<Format, readonly string[]>> = {
  "llm-drop": shell('lamina generate --prompt "Once upon a time" .'),
  hf: python("from transformers import AutoModelForCausalLM", 'AutoModelForCausalLM.from_pretrained(".")'),
  "hf-nas": shell('mlx_lm.generate --model . --prompt "Once upon a time"'),
  gguf: shell('llama-cli -m model.gguf -p "Once upon a time"'),
  "gguf-deci": shell('llama-cli -m model.gguf -p "Once upon a time"'),
  onnx: python("import onnxruntime_genai", 'onnxruntime_genai.Model(".")'),
};

/** That a format cannot express a model: what stands in the way (a module of a job), and why. Never leaves this room. */
export class Inexpressible extends Error {
  readonly #what: string | Module;

  constructor(what: string | Module, why: string) {
    super(why);
    this.#what = what;
  }

  /** "attention 3 is dropped alone". */
  textOf(job: Job): string {
    const what = this.#what;
    return `${typeof what === "string" ? what : modulesText(originalsOf(job, [what]))} ${this.message}`;
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
