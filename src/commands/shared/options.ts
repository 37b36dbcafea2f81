/** Options that commands share. Those of studies come from the tables of their checks. */
import { InvalidArgumentError, Option } from "commander";
import type { Wanted as EngineWanted } from "../../engine/mod.ts";
import { type Condition, flag, list, option, text, under, wholeNumber } from "../../entry/mod.ts";
import { displayed, folderOf } from "../../home/mod.ts";
import { type DropPlan, isFull } from "../../measure/mod.ts";
import type { Kind, Plan } from "../../result/mod.ts";
import { dropPlan } from "../../run/mod.ts";
import { CALIBRATION_TEXT, dropsIn, LENGTH, readPlan, SAMPLES } from "../../study/mod.ts";
import { type StudyModel, textChecks } from "../../subject/mod.ts";
import { figureOption, outOptions, RESULTS, writes } from "./destination.ts";
import { GIVEN } from "./given.ts";
import { repeatable, type Table } from "./relations.ts";

export const MODEL = "folder, .gguf file, owner/name[@revision] of the hub, or a name from `lamina models`";

/** Flags that commands share; each has those that its options declare. */
export interface Flags extends EngineWanted, Partial<KeepingFlags> {
  readonly json?: string;
  readonly csv?: string;
  readonly figure?: string;
  readonly allowField?: string[];
  readonly memory?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

/** Where results are kept, and whether. */
export interface KeepingFlags {
  readonly results: string;
  readonly cache: boolean;
}

/** Which modules to leave out; some commands take several plans. */
export interface DropFlags<Plans = string | undefined> {
  readonly dropAttention?: number[];
  readonly dropMlp?: number[];
  readonly dropBlock?: number[];
  readonly plan: Plans;
}

export function resultsOption(): Table {
  const usual = folderOf("results");
  const option = new Option("--results <folder>", "folder where results are kept").argParser(notEmpty);
  return { results: writes("kept", option.default(usual, displayed(usual)).helpGroup(RESULTS)) };
}

/** Where results are kept, and whether. */
export const keepingOptions = (): Table => ({
  ...resultsOption(),
  cache: new Option("--no-cache", "compute everything again and keep no results").helpGroup(RESULTS),
});

function notEmpty(text: string): string {
  if (text === "") throw new InvalidArgumentError("expected a folder");
  return text;
}

/** Flags of the options within `calibration`, by their names there. */
export const CALIBRATION = {
  calibrationText: "text",
  calibrationSamples: "samples",
  calibrationLength: "length",
} as const;

export const calibrationOptions = (usual = CALIBRATION_TEXT) =>
  under(
    "Calibration:",
    {
      calibrationText: option(textChecks.text, "<file|name> calibration text", usual),
      calibrationSamples: option(
        textChecks.samples,
        "<n> text blocks that orders are computed from",
        SAMPLES,
      ),
      calibrationLength: option(textChecks.length, "<t> tokens per calibration block", LENGTH),
    } satisfies Record<keyof typeof CALIBRATION, unknown>,
  );

/** What the seed of random orders needs: that `--by` has them, or has no names and they are among the usual ones. */
export function randomAmong(usual: boolean): Condition {
  const holds = (by: unknown) => by === undefined ? usual : [by].flat().includes("random");
  return { option: "by", is: "random", holds };
}

export const modelOptions = (): Table => ({
  allowField: repeatable(
    "--allow-field <name>",
    "ignore this unknown field of config.json or of a GGUF file, or these unknown tensors",
  )
    .helpGroup("Model and engine:"),
});

/** The same of a study that prints its price. */
export const pricedOptions = (kind?: Kind): Table => ({
  ...under("Run:", {
    dryRun: option(
      flag,
      "print what would run, its estimated time and memory, and exit; --json writes them as JSON",
      undefined,
      { excludes: ["csv", ...Object.keys(figureOption(kind))] },
    ),
  }),
  ...modelOptions(),
});

/** The same of a study whose results, of this kind, are kept and written. */
export const studyOptions = (kind?: Kind, json?: Parameters<typeof outOptions>[1]): Table => ({
  ...pricedOptions(kind),
  ...keepingOptions(),
  ...outOptions(kind, json),
});

const layers = list(wholeNumber(0), "layers");

export const dropLists = under("Modules to drop:", {
  dropAttention: option(layers, `<layers> drop attention in these layers, for example 25,26; ${GIVEN}`),
  dropMlp: option(layers, "<layers> drop the MLP in these layers, for example 15, or as above"),
  dropBlock: option(layers, "<layers> drop attention and MLP in these layers, for example 20, or as above"),
});

export const dropOptions = {
  ...dropLists,
  ...under("Modules to drop:", {
    plan: option(text, "<file> change modules as a plan from `lamina plan` or `lamina repair` says"),
  }),
};

export const DROP_OPTIONS = ["plan", "dropAttention", "dropMlp", "dropBlock"];

export const planFiles = (): Table => ({
  plan: repeatable("--plan <file>", "a plan from `lamina plan` or `lamina repair`"),
});

function listedIn({ dropAttention = [], dropMlp = [], dropBlock = [] }: DropFlags<unknown>): DropPlan {
  return { attention: [...dropAttention, ...dropBlock], mlp: [...dropMlp, ...dropBlock] };
}

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
    ...plan?.tables ? { tables: plan.tables } : {},
  };
}

/** What that amounts to in a model. Throws if the plan is another model's, or a module is named twice. */
export function dropOf(model: StudyModel, { plan, ...changes }: Wanted): DropPlan {
  if (plan) dropsIn(model, plan);
  return dropPlan(model.spec, changes);
}

/** The plans of files, and the modules that the drop options list as one more. */
export async function plansIn(flags: DropFlags<readonly string[]>) {
  const plans = await Promise.all(flags.plan.map((file) => readPlan(file)));
  const listed = listedIn(flags);
  return isFull(listed) ? plans : [...plans, listed];
}
