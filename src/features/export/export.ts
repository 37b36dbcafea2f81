/**
 * A plan made into a smaller model that other tools load. The files are made as they are written, so that memory is that of
 * a part of a tensor; the folder appears whole or not at all.
 */
import {
  closed,
  displayable,
  expect,
  type FileSizes,
  flag,
  formatBytes,
  list,
  meter,
  type Of,
  oneOf,
  option,
  reportChecks,
  required,
  resultOf,
  sum,
  text,
} from "core/entry/mod.ts";
import { expectNothing, writeFolder, writeWhole } from "core/disk/mod.ts";
import { type DropPlan, isFull, type LayerModule, type TablesChange } from "core/measure/mod.ts";
import { keepingChecks, type Plan } from "core/result/mod.ts";
import { checkInLlama, expectCheckable } from "../speed/mod.ts";
import { HELD_OUT_TEXT } from "core/study/options.ts";
import { aDrop, dropsIn } from "core/study/plan.ts";
import { aText, onModel, type StudyModel } from "core/subject/mod.ts";
import { cardText } from "./card/card.ts";
import { measuredOf, qualities, type Shown } from "./card/measured.ts";
import { modelSizes, originOf } from "./card/sizes.ts";
import {
  type Format,
  FORMATS,
  jobOf,
  makeAs,
  noteOnSize,
  notesOnChanges,
  oneTableIn,
  openStored,
  sizesAs,
  type Stored,
  textFile,
} from "core/formats/mod.ts";
import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { freeBytes } from "core/hub/mod.ts";

/** The checks of `ExportOptions`, option by option. */
export const exportChecks = {
  ...reportChecks,
  ...keepingChecks,
  /** The folder to write; it must not exist yet. */
  out: required(text),
  /** Scores of tasks, speeds and certificates of this plan on this model, for the card. */
  card: list(resultOf<Shown>("evaluate", "speed", "certificate"), "results of evaluate, speed and compare"),
  /** The format to write. */
  format: option(
    required(oneOf(FORMATS)),
    "<name> output format: hf for transformers, hf-nas for mlx-lm, llm-drop for the paper's code, gguf for llama.cpp, " +
      "onnx for ONNX Runtime; only hf-nas, gguf-deci and onnx get smaller when attention or an MLP is dropped alone",
  ),
  /** Whether a GGUF file keeps two tables of words that are roundings of one; default: it stores the finer one, for both. */
  bothTables: option(
    flag,
    "keep two tables of words that are roundings of one; GGUF files store the finer one for both",
  ),
  /** Whether llama.cpp (`lamina ggml`) must predict with a GGUF file what Lamina does but for rounding; the card says how near; default: false. */
  check: option(flag, "fail if llama.cpp (`lamina ggml`) predicts otherwise, beyond rounding"),
  /** A text; the perplexity on 8 × 512 of its tokens, with and without the dropped modules, is written into the card. */
  measure: option(
    aText,
    "[file|name] measure perplexity with and without the dropped modules on 8 × 512 tokens of this text for the model card; " +
      "earlier results are always included",
    HELD_OUT_TEXT,
  ),
};

/** How to export a model. The card reports what this plan costs if `results` has it. */
export type ExportOptions = Of<typeof exportChecks>;

/** The exported model. */
export interface Exported {
  /** Its folder. */
  readonly folder: string;
  /** Its format. */
  readonly format: Format;
  /** The files of the folder, with sizes. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Bytes before and after, without the card. */
  readonly sizes: FileSizes;
  /** Notes for users of the model. */
  readonly notes: readonly string[];
}

/**
 * Writes the model under a plan, or without the listed layers' modules, as a folder with a model card. Throws `RangeError`
 * if the format cannot express the smaller model, `Error` if it exists already, the disk is full, or, once written, llama.cpp differs.
 *
 * @example
 * ```ts
 * import { exportModel, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const folder = await Deno.makeTempDir();
 * const { files } = await exportModel(model, { attention: [3], mlp: [3] }, { format: "hf", out: `${folder}/smaller` });
 * console.log(files.map(({ name }) => name));
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function exportModel(
  model: StudyModel | string,
  drop: Plan | Partial<DropPlan>,
  options: ExportOptions,
): Promise<Exported> {
  expect("export", "plan", drop, aDrop);
  const parts = ["spec", "identity"] as const;
  const use = (model: StudyModel, options: ExportOptions) => write(model, drop, options);
  return await onModel("export", model, options, exportChecks, use, parts);
}

/** The change of the tables, and one for both where a GGUF file has one twice. */
async function withOneTable(
  model: StudyModel,
  stored: Stored,
  format: Format,
  own: TablesChange | undefined,
) {
  if (!format.startsWith("gguf") || own?.head || own?.both) return own;
  const found = await oneTableIn(model, stored);
  return found ? { both: found.both, ...own } : own;
}

async function write(model: StudyModel, drop: Plan | Partial<DropPlan>, options: ExportOptions) {
  const { format, out, onProgress, onNotice, signal } = options;
  await expectNothing(out);
  if (options.check) expectCheckable(format);
  const stored = await openStored(model);
  using _file = closed(stored.file);
  const { changes, tables: own, ...lists } = dropsIn(model, drop);
  const tables = options.bothTables ? own : await withOneTable(model, stored, format, own);
  const inRankOrder = (kind: LayerModule) => [...new Set([...drop[kind] ?? [], ...lists[kind]])]; // which the normal form has lost
  const plan: DropPlan = {
    attention: inRankOrder("attention"),
    mlp: inRankOrder("mlp"),
    ...changes ? { changes } : {},
    ...tables ? { tables } : {},
  };
  const job = jobOf(model, model.files!, stored, plan);
  if (isFull(job.drop)) {
    throw new RangeError(
      `Cannot export ${model.name}: nothing is dropped, expected a plan or modules to drop`,
    );
  }
  const found = await makeAs(job, format);
  const sizes = await sizesAs(job, format, found);
  const notes = [...found.notes, ...notesOnChanges(changes ?? []), ...await noteOnSize(job, format, sizes)];
  const made = { ...found, notes };
  await expectSpace(out, sizes.smaller);
  const measured = measuredOf(model, plan, options.card ?? []);
  const told = {
    measured,
    costs: await qualities(model, plan, measured.certificates, options),
    origin: await originOf(job),
    sizes: { files: sizes, ...modelSizes(job, made.zeroed) },
    plan: "kind" in drop ? drop : null,
  };
  let card = textFile("README.md", cardText({ job, format, made, ...told }));
  const files = [...made.files, card];
  const total = sum(files, ({ bytes }) => bytes);
  const report = meter({ label: `export of ${model.name}`, total, unit: "bytes" }, onProgress);
  await writeFolder(out, files, (done) => {
    signal?.throwIfAborted();
    report(done);
  });
  if (options.check) {
    const { note, isExplained } = await checkInLlama(join(out, made.files[0].name), options, options.measure);
    made.notes.push(note);
    card = textFile("README.md", cardText({ job, format, made, ...told }));
    await writeWhole(join(out, card.name), card.parts());
    if (!isExplained) throw new Error(`Cannot confirm ${out}: ${note}`);
  }
  made.notes.forEach((note) => onNotice?.(note));
  return displayable({
    folder: out,
    format,
    files: [...made.files, card].map(({ name, bytes }) => ({ name, bytes })),
    sizes,
    notes: made.notes,
  });
}

/** Throws `Error` that names the free and the needed bytes where `needed` do not fit. */
async function expectSpace(path: string, needed: number): Promise<void> {
  const free = await freeBytes(await existing(dirname(resolve(path))));
  if (needed <= free) return;
  const text = (bytes: number) => `${formatBytes(bytes)} (${bytes} bytes)`;
  throw new Error(`Cannot write ${path}: ${text(free)} free there, expected ${text(needed)}`);
}

/** The folder, or the nearest one above it that is there. */
async function existing(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => null);
  return there?.isDirectory() ? folder : await existing(dirname(folder));
}
