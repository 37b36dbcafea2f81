/** Where a command's data go: `--json` and `--csv`, a file or standard output, and `--figure`, a file. */
import { InvalidArgumentError, Option, type OptionValues } from "commander";
import { flawInPath } from "../show/chart/files/save.ts";
import { isPictured } from "../show/looks.ts";
import type { Table } from "./relations.ts";

export const RESULTS = "Results:";

/** What the value of an option names: a file, a plan with its tensors beside it, a folder, a folder that must not exist, kept results. */
export type Written = "file" | "plan" | "folder" | "new folder" | "kept";

/** What a command writes, where that may depend on its other flags. */
type Writes = Written | ((flags: OptionValues) => Written);

const outputs = new WeakMap<Option, Writes>();

/** Declares what a command writes at the path that this option names. */
export function writes(what: Writes, option: Option): Option {
  outputs.set(option, what);
  return option;
}

/** What a command writes there; null for an option that names no output. */
export function writtenBy(option: Option, flags: OptionValues): Written | null {
  const declared = outputs.get(option) ?? null;
  const what = typeof declared === "function" ? declared(flags) : declared;
  return what === "plan" && flags.dryRun ? "file" : what; // an estimate has no tensors
}

export const jsonOption = (what: Writes = "file"): Table => ({
  json: fileOption("--json <file>", "write the result as JSON (- for stdout)", what),
});

/** A figure of results of a kind that has one. */
export const figureOption = (kind?: string): Table =>
  kind && isPictured(kind)
    ? { figure: fileOption("--figure <file>", "draw the result as .svg, .png or .pdf", "file", pictureFile) }
    : {};

/** All of them; `json` says what is written as JSON. */
export const outOptions = (kind?: string, json?: Writes): Table => ({
  ...jsonOption(json),
  csv: fileOption("--csv <file>", "write the table as CSV (- for stdout)"),
  ...figureOption(kind),
});

const fileOption = (
  flags: string,
  text: string,
  what: Writes = "file",
  read = filled("a file, or - for standard output"),
) => writes(what, new Option(flags, text).argParser(read).helpGroup(RESULTS));

function pictureFile(text: string): string {
  const flaw = flawInPath(text);
  if (flaw) throw new InvalidArgumentError(flaw);
  return text;
}

/** A parser of a text that is not empty. */
export const filled = (expected: string) => (text: string): string => {
  if (text !== "") return text;
  throw new InvalidArgumentError(`expected ${expected}`);
};

/** Whether a file's name means standard output, which is then left to the data. */
export function isStandardOutput(file: string | undefined): boolean {
  return file !== undefined && /^(-|\/dev\/stdout|(\/dev|\/proc\/self)\/fd\/1)$/.test(file);
}
