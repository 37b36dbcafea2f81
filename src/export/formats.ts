/** A smaller model in each format, as files that are not written yet, and their sizes. */
import { bytesOfFiles, type FileSizes, modelSizes, originalBytes } from "./card/sizes.ts";
import { expressed } from "./changes/express.ts";
import { ggufFiles } from "./gguf/gguf.ts";
import { hfFiles } from "./hf/folder.ts";
import { llmDropFiles } from "./hf/llm_drop.ts";
import { nasFiles } from "./hf/nas.ts";
import { type Format, FORMATS, Inexpressible, type Job, type Made, wholeJob } from "./job.ts";
import { onnxFiles } from "./onnx/files.ts";

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
    for (const other of FORMATS) {
      if (await made(job, other).then(() => true, () => false)) others.push(other);
    }
    const instead = others.length > 0
      ? `formats that can: ${others.join(", ")}`
      : "no other format can either";
    throw new RangeError(`Cannot export ${job.model.name} as ${format}: ${error.message}; ${instead}`);
  }
}

/** Where the files keep what the model has lost: the formats whose files do not. */
export async function noteOnSize(job: Job, format: Format, sizes: FileSizes): Promise<string[]> {
  const { parameters: { before, after } } = modelSizes(job);
  const isLean = ({ whole, smaller }: FileSizes) =>
    whole === null || 1 - smaller / whole >= (1 - after / before) / 2;
  if (after >= before || isLean(sizes)) return [];
  const leaner: Format[] = [];
  for (const other of FORMATS.filter((one) => one !== format)) {
    const found = await made(job, other).then((files) => sizesAs(job, other, files), () => null);
    if (found && found.whole !== null && isLean(found)) leaner.push(other);
  }
  return leaner.length === 0 ? [] : [
    `the files are about as large as with every module; formats that leave the dropped modules out: ${
      leaner.join(", ")
    }`,
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
  return { original: await originalBytes(job), whole, smaller: bytesOfFiles(files) };
}

const made = async (job: Job, format: Format): Promise<Made> => await makers[format](expressed(job, format));
