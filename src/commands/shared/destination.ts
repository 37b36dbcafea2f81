/** Where a command's data go: `--json` and `--csv`, a file or standard output. */
import { type Command, InvalidArgumentError, Option, type OptionValues } from "commander";

export interface OutFlags {
  json?: string;
  csv?: string;
}

export const RESULTS = "Results:";

/** What the value of an option names: a file, a plan with its tensors beside it, a folder, a folder that must not exist, kept results. */
export type Written = "file" | "plan" | "folder" | "new folder" | "kept";

const outputs = new WeakMap<Option, (flags: OptionValues) => Written>();

/** Declares what a command writes at the path that this option names. */
export function writes(what: Written, option: Option): Option {
  outputs.set(option, () => what);
  return option;
}

/** What a command writes there; null for an option that names no output. */
export function writtenBy(option: Option, flags: OptionValues): Written | null {
  const what = outputs.get(option)?.(flags) ?? null;
  return what === "plan" && flags.dryRun ? "file" : what; // an estimate has no tensors
}

/** Declares that `--json` is a plan, whose tensors lie beside it, if these flags say so. */
export function writesPlan(command: Command, has: (flags: OptionValues) => boolean): Command {
  const json = command.options.find(({ long }) => long === "--json");
  outputs.set(json!, (flags) => has(flags) ? "plan" : "file");
  return command;
}

export function withJsonFlag(command: Command): Command {
  return command.optionsGroup(RESULTS).addOption(
    fileOption("--json <file>", "write the result as JSON (- for stdout)"),
  );
}

export function withOutFlags(command: Command): Command {
  return withCsvFlag(withJsonFlag(command));
}

export function withCsvFlag(command: Command): Command {
  return command.optionsGroup(RESULTS).addOption(
    fileOption("--csv <file>", "write the table as CSV (- for stdout)"),
  );
}

const fileOption = (flags: string, text: string) =>
  writes("file", new Option(flags, text).argParser(outFile));

function outFile(text: string): string {
  if (text === "") throw new InvalidArgumentError("expected a file, or - for standard output");
  return text;
}

/** Whether a file's name means standard output, which is then left to the data. */
export function isStandardOutput(file: string | undefined): boolean {
  return file !== undefined && /^(-|\/dev\/stdout|(\/dev|\/proc\/self)\/fd\/1)$/.test(file);
}
