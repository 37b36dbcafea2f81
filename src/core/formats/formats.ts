/** A smaller model in each format, as files that are not written yet, and their sizes. */
import { changedSpec } from "../run/mod.ts";
import { sizesOf } from "../subject/mod.ts";
import type { FileSizes } from "../entry/mod.ts";
import { expressed } from "./changes/express.ts";
import { ggufFiles } from "./gguf/gguf.ts";
import { hfFiles } from "./hf/folder.ts";
import { nasFiles } from "./hf/nas.ts";
import {
  bytesOfFiles,
  copyOf,
  type Format,
  FORMATS,
  Inexpressible,
  isOfWeights,
  type Job,
  jsonFile,
  type Made,
  notesOnPacked,
  originalBytes,
  wholeJob,
} from "./job.ts";
import { onnxFiles } from "./onnx/files.ts";
import { configOf, storedConfig } from "./config.ts";
import { expectExpressible } from "./expect.ts";
import { shardFiles } from "./hf/shards.ts";

const makers: Readonly<Record<Format, (job: Job) => Promise<Made>>> = {
  "llm-drop": llmDropFiles,
  hf: hfFiles,
  "hf-nas": nasFiles,
  onnx: onnxFiles,
  gguf: (job) => ggufFiles(job, "gguf"),
  "gguf-deci": (job) => ggufFiles(job, "gguf-deci"),
};

/** The smaller model as files. Where the format cannot express it, the error names those that can: they are tried. */
export async function makeAs(job: Job, format: Format): Promise<Made> {
  try {
    return await made(job, format);
  } catch (error) {
    if (!(error instanceof Inexpressible)) throw error;
    const others: Format[] = [];
    for (const other of FORMATS) if (await made(job, other).then(() => true, () => false)) others.push(other);
    const instead = others.length > 0
      ? `formats that can: ${others.join(", ")}`
      : "no other format can either";
    throw new RangeError(`Cannot export ${job.model.name} as ${format}: ${error.message}; ${instead}`);
  }
}

/** Where the files keep what the model has lost: the formats whose files do not. */
export async function noteOnSize(job: Job, format: Format, sizes: FileSizes): Promise<string[]> {
  const { full, before: own, drop } = job;
  const [before, after] = [own, drop].map((plan) => sizesOf(changedSpec(full, plan)).parameters);
  const isLean = ({ whole, smaller }: FileSizes) =>
    whole === null || 1 - smaller / whole >= (1 - after / before) / 2;
  if (after >= before || isLean(sizes)) return [];
  const leaner: Format[] = [];
  for (const other of FORMATS.filter((one) => one !== format)) {
    const found = await made(job, other).then((files) => sizesAs(job, other, files), () => null);
    if (found && found.whole !== null && isLean(found)) leaner.push(other);
  }
  return leaner.length === 0 ? [] : [
    "the files are about as large as with every module; formats that leave the dropped modules out: " +
    `${leaner.join(", ")}`,
  ];
}

/** Bytes of the files before and after. */
export async function sizesAs(job: Job, format: Format, { files }: Made): Promise<FileSizes> {
  const whole = await made(wholeJob(job), format).then(
    (all) => bytesOfFiles(all.files),
    (error) => {
      if (error instanceof Inexpressible) return null;
      throw error;
    },
  );
  return { original: originalBytes(job), whole, smaller: bytesOfFiles(files) };
}

/** The files. Throws `Inexpressible`. */
export async function made(job: Job, format: Format): Promise<Made> {
  const own = expressed(job, format);
  expectExpressible(own, format);
  return await makers[format](own);
}

/**
 * LLM-Drop's form: the checkpoint as it is, and in `config.json` the lists of what is not run, in rank order. The official
 * code reads it with model classes of its own (and so does this project); stock transformers does not look at the lists.
 */
async function llmDropFiles(job: Job): Promise<Made> {
  const { files, drop, stored, edited } = job;
  if (stored.kind === "gguf") throw new Inexpressible("a GGUF file", "has no config.json");
  const whole = await (edited ? configOf(job) : storedConfig(job));
  const config = { ...whole, drop_attn_list: drop.attention, drop_mlp_list: drop.mlp };
  const isMade = (name: string) => name === "config.json" || edited && isOfWeights(name);
  const others = files.list().filter((name) => !isMade(name));
  const tensors = [...stored.file.tensors].map(([name, info]) => ({
    name,
    ...info,
    ...stored.file.stored(name),
  }));
  return {
    files: [
      jsonFile("config.json", config),
      ...edited ? shardFiles(tensors) : [],
      ...others.map((name) => copyOf(job, name)),
    ],
    notes: [
      ...edited ? notesOnPacked(stored) : [],
      "drop_attn_list and drop_mlp_list in config.json list the dropped modules; Lamina and LLM-Drop's model classes skip " +
      "them, but stock transformers ignores the lists and runs the full model",
    ],
  };
}
