/** Options that commands share, parsed and checked. A wrong value is a wrong use: exit code 2. */
import { Command, InvalidArgumentError, Option } from "commander";
import { ENGINES, PRECISIONS, type Wanted as EngineWanted } from "../../engine/mod.ts";
import { type Condition, parseBytes, related, type Relation, SIZE, wholeNumber } from "../../entry/mod.ts";
import { displayed, folderOf } from "../../home/mod.ts";
import { type DropPlan, isFull } from "../../measure/mod.ts";
import type { Plan } from "../../result/mod.ts";
import { dropPlan } from "../../run/mod.ts";
import {
  CALIBRATION_TEXT,
  constraintChecks,
  dropsIn,
  LENGTH,
  readPlan,
  REPAIR_SAMPLES,
  SAMPLES,
} from "../../study/mod.ts";
import { type StudyModel, textChecks, textNames } from "../../subject/mod.ts";
import { type OutFlags, RESULTS, withOutFlags, writes } from "./destination.ts";
import { entriesOf, GIVEN } from "./given.ts";
import { reads, relate, repeatable } from "./relations.ts";

/** What `<model>` may be. */
export const MODEL = "folder, .gguf file, owner/name[@revision] of the hub, or a name from `lamina models`";

/** What every study takes. */
export interface StudyFlags extends KeepingFlags, EngineFlags, OutFlags {
  samples: number;
  length: number;
  text?: string;
  skip: number;
  bos: boolean;
  dryRun: boolean;
  force: boolean;
}

/** What runs the model, and how it is opened. */
export interface EngineFlags extends Required<EngineWanted>, ModelFlags {
  memory?: number;
}

/** How a model is opened. */
export interface ModelFlags {
  allowField: string[];
}

/** Where results are kept, and whether. */
export interface KeepingFlags {
  results: string;
  cache: boolean;
}

/** Lists of layers to leave out. */
export interface DropLists {
  dropAttention: number[];
  dropMlp: number[];
  dropBlock: number[];
}

/** Which modules to leave out. */
export interface DropFlags extends DropLists {
  plan?: string;
}

/** Headings of the options that commands share; a command's own come before them. */
const [DROPS, CONSTRAINTS, TEXT, ENGINE, RUN] = [
  "Modules to drop:",
  "Modules to keep:",
  "Text:",
  "Model and engine:",
  "Run:",
];

/** Adds the option that says where results are kept between runs. */
export function withResultsFlag(command: Command): Command {
  const usual = folderOf("results");
  return command.optionsGroup(RESULTS).addOption(
    writes("kept", new Option("--results <folder>", "folder where results are kept").argParser(notEmpty))
      .default(usual, displayed(usual)),
  );
}

/** Adds the options about keeping results. */
export function withKeepingFlags(command: Command): Command {
  return withResultsFlag(command)
    .option("--no-cache", "compute everything again and keep no results");
}

function notEmpty(text: string): string {
  if (text === "") throw new InvalidArgumentError("expected a folder");
  return text;
}

/** The text that a study reads by default, and its size. */
interface TextDefaults {
  readonly text?: string;
  readonly samples?: number;
  readonly length?: number;
}

/** Adds the options that choose a text, with its default sizes. */
export function withTextFlags(
  command: Command,
  { text = CALIBRATION_TEXT, samples = SAMPLES, length = LENGTH }: TextDefaults = {},
): Command {
  command.optionsGroup(TEXT)
    .addOption(new Option("--samples <n>", "number of text blocks").default(samples))
    .addOption(new Option("--length <t>", "tokens per block").default(length))
    .option(
      "--text <file|name>",
      `${
        textNames.join(", ")
      }, or a file: plain text, JSONL with a "text" field, or token ids as a JSON list (default: ${text})`,
    )
    .addOption(new Option("--skip <n>", "skip this many blocks at the start of the text").default(0))
    .option("--bos", "start each block with the BOS token", false);
  return relate(command, textChecks);
}

/** Adds the options about the calibration text of orders and repairs, which is `usual` by default, and how repairs are fitted on it. */
export function withCalibrationFlags(command: Command, usual = "stories"): Command {
  command
    .addOption(
      new Option("--calibration-samples <n>", "number of text blocks that the orders are computed from")
        .default(SAMPLES),
    )
    .addOption(new Option("--calibration-length <t>", "tokens per calibration block").default(LENGTH))
    .option("--calibration-text <file|name>", `calibration text (default: ${usual})`)
    .option("--sequential", "fit repairs on the repaired model's stream, plan by plan, which takes longer")
    .addOption(
      new Option("--repair-samples <n>", "number of calibration blocks that repairs are fitted on")
        .default(REPAIR_SAMPLES),
    );
  const { samples, length } = textChecks;
  return relate(command, { calibrationSamples: samples, calibrationLength: length });
}

/** Adds the options of a study, with its default text. */
export function withStudyFlags(command: Command, defaults: TextDefaults = {}): Command {
  return withOutFlags(withKeepingFlags(withPriceFlags(withEngineFlags(withTextFlags(command, defaults)))));
}

/** Adds the seed of a study that draws random numbers, under a condition. */
export function withSeedFlag(command: Command, needs: NonNullable<Relation["needs"]>): Command {
  command.optionsGroup(RUN).addOption(new Option("--seed <n>", "random seed").default(0));
  return relate(command, { seed: related(wholeNumber(0), { needs }) });
}

/** What the seed of random orders needs: that `--by` has them, or has no names and they are among the usual ones. */
export function randomAmong(usual: boolean): Condition {
  const holds = (by: unknown) => by === undefined ? usual : [by].flat().includes("random");
  return { option: "by", is: "random", holds };
}

/** Adds the options about the memory and time of a study: to print the estimate only, or to run in spite of it. */
export function withPriceFlags(command: Command): Command {
  command.optionsGroup(RUN)
    .option(
      "--dry-run",
      "print what would run, its estimated time and memory, and exit; --json writes them as JSON",
      false,
    )
    .option("--force", "run even if the estimate exceeds the available memory", false);
  return relate(command, { dryRun: { excludes: ["csv"] } });
}

/** Adds the option of every command that opens a model. */
export function withModelFlags(command: Command): Command {
  return command.optionsGroup(ENGINE).addOption(
    repeatable("--allow-field <name>", "ignore this unknown field of config.json"),
  );
}

/** Adds the options that say what runs the model, and how it is opened. */
export function withEngineFlags(command: Command): Command {
  return withModelFlags(command)
    .addOption(
      new Option("--engine <name>", "execution engine; auto uses CUDA if it works, otherwise the CPU")
        .choices([...ENGINES]).default("auto"),
    )
    .addOption(
      new Option(
        "--precision <name>",
        "precision of matrix products; tf32 and bfloat16 need CUDA; int8 needs the CPU and weights in blocks, and rounds activations " +
          "to bytes, a scale for each block, as llama.cpp does",
      )
        .choices([...PRECISIONS]).default("float32"),
    )
    .option(
      "--memory <size>",
      "memory for weights, for example 8GB; weights that do not fit are read again (default: half of the free memory, " +
        "all but a reserve on CUDA, 2GiB on WebGPU)",
      size,
    );
}

/** Adds the options that list what to leave out. */
export function withDropLists(command: Command): Command {
  return command.optionsGroup(DROPS)
    .option(
      "--drop-attention <layers>",
      `drop attention in these layers, for example 25,26; ${GIVEN}`,
      numberList,
      [],
    )
    .option(
      "--drop-mlp <layers>",
      "drop the MLP in these layers, for example 15, or as above",
      numberList,
      [],
    )
    .option(
      "--drop-block <layers>",
      "drop both attention and MLP in these layers, for example 20, or as above",
      numberList,
      [],
    );
}

/** The options that bring a plan. */
export const DROP_OPTIONS = ["plan", "dropAttention", "dropMlp", "dropBlock"];

/** What those list. */
function listedIn({ dropAttention, dropMlp, dropBlock }: DropLists): DropPlan {
  return { attention: [...dropAttention, ...dropBlock], mlp: [...dropMlp, ...dropBlock] };
}

/** Adds the options that leave modules out. */
export function withDropFlags(command: Command): Command {
  return withDropLists(command)
    .option("--plan <file>", "change modules as a plan from `lamina plan` or `lamina repair` says");
}

/** What must not be dropped. */
export interface ConstraintFlags {
  protectFirst: number;
  protectLast: number;
  neighbours: boolean;
}

/** Adds the options that keep modules in. */
export function withConstraintFlags(command: Command): Command {
  command.optionsGroup(CONSTRAINTS)
    .addOption(new Option("--protect-first <n>", "drop nothing in the first n layers").default(0))
    .addOption(new Option("--protect-last <n>", "drop nothing in the last n layers").default(0))
    .option("--no-neighbours", "never drop the same kind of module in two adjacent layers");
  return relate(command, constraintChecks);
}

/** What is done with an order by default. */
export const REMOVING =
  "the first modules are removed one by one, and those that cost far more than the others go last";

/** Adds the option that leaves an order as its score has it. */
export function withUnchecked(command: Command, usually: string): Command {
  return command.option(
    "--unchecked",
    `keep the order of the score alone, as the paper does; by default, ${usually}`,
  );
}

/** Modules that the drop options name, those of a plan among them. */
interface Wanted extends DropPlan {
  readonly plan: Plan | null;
}

/** Reads what the drop options name. */
export async function wantedOf(flags: DropFlags): Promise<Wanted> {
  const plan = flags.plan !== undefined ? await readPlan(flags.plan) : null;
  const { attention, mlp } = listedIn(flags);
  return {
    plan,
    attention: [...plan?.attention ?? [], ...attention],
    mlp: [...plan?.mlp ?? [], ...mlp],
    ...plan?.changes ? { changes: plan.changes } : {},
  };
}

/** What that amounts to in a model. Throws if the plan is another model's, or a module is named twice. */
export function dropOf(model: StudyModel, { plan, ...changes }: Wanted): DropPlan {
  if (plan) dropsIn(model, plan);
  return dropPlan(model.spec, changes);
}

/** The same as a plan, which says what its scores and repairs were measured on, if a file of one is named. */
export function planOf(model: StudyModel, wanted: Wanted): Plan | DropPlan {
  const { attention, mlp, changes } = dropOf(model, wanted);
  return { ...wanted.plan, attention, mlp, changes };
}

/** The plans of files, and the modules that the drop options list as one more. */
export async function plansIn(flags: DropLists & { readonly plan: readonly string[] }) {
  const plans = await Promise.all(flags.plan.map((file) => readPlan(file)));
  const listed = listedIn(flags);
  return isFull(listed) ? plans : [...plans, listed];
}

/** A parser of numbers of layers or steps: "25,26"; nothing for an empty list. */
export function numberList(text: string): number[] {
  return entriesOf(text).map(reads<number>(wholeNumber(0)));
}

/** A parser of sizes in bytes: "8GB". */
function size(text: string): number {
  const bytes = parseBytes(text);
  if (bytes === null) throw new InvalidArgumentError(`expected ${SIZE}`);
  return bytes;
}
