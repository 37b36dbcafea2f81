/** Outputs of a command: a table for a person, JSON for `--json`, CSV for `--csv`, a picture for `--figure`; then a line about the work. */
import { join, relative } from "node:path";
import process from "node:process";
import { type Content, writeTogether } from "../disk/mod.ts";
import { plain, shellWord } from "../entry/mod.ts";
import { keepingFailure, type Result, resultText } from "../result/mod.ts";
import { type CsvRow, csvText } from "../show/chart/csv.ts";
import { figureFile, rowsOf } from "../show/looks.ts";
import { formatSeconds } from "../show/words/numbers.ts";
import { type Context, tableIn } from "./context.ts";
import { isStandardOutput } from "./destination.ts";
import type { Flags } from "./options.ts";
import { DENO, installed, root } from "../home/mod.ts";

/** The output of a command; each face is made when it is needed. */
export interface Output {
  readonly json: () => string;
  /** Absent where the tables were printed as they came. */
  readonly table?: () => string;
  readonly rows?: () => readonly CsvRow[];
  readonly figure?: (path: string) => Promise<Content>;
  /** Files that belong to the JSON, with their content. */
  readonly beside?: readonly (readonly [string, Content])[];
  /** Commands to type next, or flags; they are printed unbroken below the table, to be copied. */
  readonly next?: string;
  /** The work, if it took time: "profile of tiny". */
  readonly done?: string;
}

/** A result as an output; of several of one kind, table, rows and figure show all, the JSON is the last one's. */
export function outputOf(
  context: Pick<Context, "look">,
  results: Result | readonly Result[],
  { all, done }: { readonly all?: boolean | undefined; readonly done?: string } = {},
): Output {
  const list = [results].flat();
  return {
    json: () => resultText(list.at(-1)!, 1),
    table: () => tableIn(context, list, all),
    rows: () => rowsOf(list),
    figure: (path) => figureFile(list, path),
    ...done === undefined ? {} : { done },
  };
}

export function listText(results: readonly Result[]): string {
  const texts = results.map((result) => resultText(result, 1));
  return texts.length === 1 ? texts[0] : `[\n${texts.map((text) => text.trimEnd()).join(",\n")}\n]\n`;
}

/**
 * Writes the faces that the flags name; prints the table unless standard output is taken, even if
 * writing fails. The commands to type next read what was written.
 */
export async function deliver(
  context: Context,
  flags: Flags,
  { json, table, rows, figure, beside = [], next, done }: Output,
): Promise<void> {
  const outputs = [
    ...flags.json === undefined ? [] : [{ file: flags.json, text: json }],
    ...flags.csv === undefined ? [] : [{ file: flags.csv, text: () => csvText(rows!()) }],
  ];
  const piped = outputs.filter(({ file }) => isStandardOutput(file));
  const files = [
    ...outputs.filter(({ file }) => !isStandardOutput(file)),
    ...flags.figure === undefined ? [] : [{ file: flags.figure, text: () => figure!(flags.figure!) }],
  ];
  try {
    const written = files.map(async ({ file, text }) => [file, await text()] as const);
    await writeTogether([...beside, ...await Promise.all(written)]);
  } finally {
    if (piped.length === 0 && table) context.print(table());
    for (const { text } of piped) context.write(text().trimEnd());
  }
  if (piped.length === 0 && next) context.write(`\n${next}`);
  if (done) context.notice(doneText(context, done, flags, files.map(({ file }) => file)));
}

/** "profile of tiny: done in 12 s, kept in data/results, written to p.json". */
export function doneText(
  { started }: Pick<Context, "started">,
  what: string,
  { cache = true, results }: Flags,
  files: readonly string[] = [],
): string {
  const seconds = (performance.now() - started) / 1000;
  const kept = cache && results !== undefined && keepingFailure(results) === null;
  return [
    `${what}: done in ${formatSeconds(seconds)}`,
    ...results === undefined ? [] : [kept ? `kept in ${near(results)}` : "not kept"],
    ...files.length ? [`written to ${files.join(" and ")}`] : [],
  ].join(", ");
}

/** How a page is made: the command as it was typed, and the day. */
export function madeBy(): { readonly command: string; readonly date: string } {
  return {
    command: ["lamina", ...process.argv.slice(2).map(shellWord)].join(" "),
    date: new Date().toISOString().slice(0, 10),
  };
}

/** A path as a person here would say it. */
export function near(path: string): string {
  const shown = relative(process.cwd(), path);
  return shown === "" ? "this folder" : shown.startsWith("..") ? path : shown;
}

/** Where data go that no flag sends elsewhere: into the next program. */
export function piped(flags: Flags): Flags {
  return flags.json === undefined && flags.csv === undefined ? { json: "-" } : flags;
}

/** A command as a person types it in this folder, Lamina's own or any other. */
export function commandLine(...words: string[]): string {
  const config = relative(root, process.cwd()).startsWith("..") ? ["--config", join(root, "deno.json")] : [];
  const called = installed ? [] : [...`npx -y deno@${DENO} task`.split(" "), ...config];
  return [...called, "lamina", ...words].map((word) => plain(shellWord(word))).join(" ");
}

/** The same as text, where there are any. */
export function nextText(lines: readonly string[]): { readonly next?: string } {
  return lines.length > 0 ? { next: ["next:", ...lines].join("\n") } : {};
}
