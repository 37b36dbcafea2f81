/** What every command works with: where it reports to, what ends it, how its tables look. */
import process from "node:process";
import { type Checks, failure } from "../entry/mod.ts";
import { printable, type TextLook } from "../show/tables/text.ts";
import { type ProgressLine, progressLine, speaksUtf8 } from "../show/progress.ts";
import { tableText } from "../show/looks.ts";
import type { Result } from "../result/mod.ts";
import { openModel, type StudyModel } from "../subject/mod.ts";
import { CALIBRATION, type Flags } from "./options.ts";
import { openRunner, runnerOf, type Shared } from "./sharing.ts";
import { type Ending, listen } from "./signals.ts";

export interface Context extends Shared {
  readonly signal: AbortSignal;
  /** When the command began, in milliseconds of `performance.now()`. */
  readonly started: number;
  readonly progress: ProgressLine;
  readonly look: TextLook;
  /** One line for a person, on stderr, whatever is in it. */
  notice(line: string): void;
  /** A table, on stdout; what others wrote in it is made safe to show. */
  print(text: string): void;
  /** Data and a line end, on stdout, unchanged. */
  write(text: string): void;
  /** A piece of running text, on stdout, without a line break; control characters are made visible. */
  say(text: string): void;
  /** What ended the command early, if anything did. */
  ending(): Ending | null;
}

/** Modules of each kind that the table of a profile shows where not all are asked for. */
const LOWEST = 10;
const COLUMNS = 80;

/** Starts a command; what ends it early is heard from now on. */
export function createContext(): Context {
  const { signal, ending } = listen();
  const progress = progressLine();
  const terminal = process.stdout.isTTY === true;
  const look = {
    color: terminal && !process.env.NO_COLOR,
    utf8: speaksUtf8(),
    columns: (terminal && process.stdout.columns) || COLUMNS, // a terminal of a container may say 0
  };
  const put = (text: string) => {
    progress.close();
    try {
      process.stdout.write(text);
    } catch (error) { // of a file or a device; a pipe's error is an event
      throw failure("Cannot write to standard output", error);
    }
  };
  const write = (text: string) => put(`${text}\n`);
  return {
    signal,
    started: performance.now(),
    ending,
    progress,
    look,
    notice: (line) => progress.onNotice(line),
    print: (text) => write(printable(text, look)),
    write,
    say: (text) => put(printable(text, { utf8: true })), // a model may write in any script
    sharing: null,
  };
}

/** Options of a function from the command line's flags, by the names of its checks. */
export function optionsIn<O extends object>(
  context: Context,
  flags: object,
  { checks }: { readonly checks: Checks<O> },
): O {
  const { cache = true, results, ...typed } = flags as Flags;
  const inside = Object.entries(CALIBRATION).flatMap(([flag, name]) => {
    const value = flags[flag as keyof typeof flags];
    return value === undefined ? [] : [[name, value]];
  });
  const all = {
    ...typed,
    ...runnerOf(context, typed),
    ...reportsTo(context),
    results: cache ? results : undefined,
    calibration: Object.fromEntries(inside),
  };
  const known = Object.entries(all).filter(([name, value]) =>
    Object.hasOwn(checks, name) && value !== undefined
  );
  return Object.fromEntries(known) as O;
}

export function reportsTo({ signal, progress: { onProgress }, notice: onNotice }: Context) {
  return { signal, onProgress, onNotice };
}

export function openOptions(context: Context, { allowField }: Flags) {
  return { allowFields: allowField, ...reportsTo(context) };
}

/** Opens a model for the length of a task, once there is what runs it. */
export async function withModel<T>(
  context: Context,
  ref: string,
  flags: Flags,
  task: (model: StudyModel) => Promise<T>,
): Promise<T> {
  await openRunner(context, flags);
  using model = await openModel(ref, openOptions(context, flags));
  return await task(model);
}

/** Tables of results of one kind. A profile's has the ten lowest of each kind of module, or all; ranks within noise are marked. */
export function tableIn({ look }: Pick<Context, "look">, results: readonly Result[], all = false): string {
  return tableText(results, {
    ...look,
    ...all ? {} : { lowest: LOWEST, more: "use --all to print every module" },
    ties: true,
  }).replaceAll(/`([a-z]+)`/g, "--$1"); // an option of the library
}
