/** Options that commands share. Those of studies come from the tables of their checks. */
import { Option } from "commander";
import type { Wanted as EngineWanted } from "../engine/mod.ts";
import { type Condition, flag, option, under } from "../entry/mod.ts";
import { displayed, folderOf } from "../home/mod.ts";
import { CALIBRATION_TEXT, LENGTH, SAMPLES } from "../study/options.ts";
import { textChecks } from "../subject/mod.ts";
import { figureOption, filled, outOptions, RESULTS, writes } from "./destination.ts";
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
export type KeepingFlags = { readonly results: string; readonly cache: boolean };

export function resultsOption(): Table {
  const usual = folderOf("results");
  const option = new Option("--results <folder>", "folder where results are kept").argParser(
    filled("a folder"),
  );
  return { results: writes("kept", option.default(usual, displayed(usual)).helpGroup(RESULTS)) };
}

/** Where results are kept, and whether. */
export const keepingOptions = (): Table => ({
  ...resultsOption(),
  cache: new Option("--no-cache", "compute everything again and keep no results").helpGroup(RESULTS),
});

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
export const pricedOptions = (kind?: string): Table => ({
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
export const studyOptions = (kind?: string, json?: Parameters<typeof outOptions>[1]): Table => ({
  ...pricedOptions(kind),
  ...keepingOptions(),
  ...outOptions(kind, json),
});
