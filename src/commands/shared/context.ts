/** What every command works with: where it reports to, what ends it, how its tables look. */
import process from "node:process";
import { type Checks, failure } from "../../entry/mod.ts";
import {
  printable,
  type ProgressLine,
  progressLine,
  type Result,
  speaksUtf8,
  tableText,
  type TextLook,
} from "../../show/mod.ts";
import { distinct, type RunOptions } from "../../study/mod.ts";
import { openModel, type StudyModel } from "../../subject/mod.ts";
import type { ConstraintFlags, EngineFlags, KeepingFlags, ModelFlags, StudyFlags } from "./options.ts";
import { openRunner, runnerOf, type Shared } from "./sharing.ts";
import { type Ending, listen } from "./signals.ts";

/** A running command. */
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
/** Columns of a table that does not go to a terminal. */
const COLUMNS = 80;

/** Starts a command; what ends it early is heard from now on. */
export function createContext(): Context {
  const { signal, ending } = listen();
  const progress = progressLine();
  const terminal = process.stdout.isTTY === true;
  const look = {
    color: terminal && !process.env.NO_COLOR,
    utf8: speaksUtf8(),
    columns: terminal ? process.stdout.columns : COLUMNS,
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

/** Options of a study from the command line's flags, by the names of its checks; `calibration` is in flags that begin so. */
export function studyOptions<O extends object>(
  context: Context,
  flags: RunFlags,
  { checks }: { readonly checks: Checks<O> },
): O {
  const has = (name: string) => Object.hasOwn(checks, name);
  const { engine: _engine, precision: _precision, memory: _memory, results: _results, ...others } = flags;
  const typed = Object.entries(others).filter(([name, value]) => has(name) && value !== undefined);
  const inside = Object.entries(flags).flatMap(([name, value]) => {
    const [, first, rest] = name.match(/^calibration(.)(.*)$/) ?? [];
    return first && value !== undefined ? [[first.toLowerCase() + rest, value]] : [];
  });
  return {
    ...Object.fromEntries(typed),
    ...has("calibration") && { calibration: Object.fromEntries(inside) },
    ...has("noNeighbours") && { noNeighbours: (flags as Partial<ConstraintFlags>).neighbours === false },
    ...runOptions(context, flags),
  } as unknown as O;
}

/** The flags of every command that runs a study. */
type RunFlags = EngineFlags & KeepingFlags & Pick<StudyFlags, "force">;

/** The part of them that says what runs a study, where it keeps results, and who hears of it. */
export function runOptions(
  context: Context,
  { force, cache, results, ...flags }: RunFlags,
): RunOptions {
  return { force, ...runnerOf(context, flags), ...cache ? { results } : {}, ...reportsTo(context) };
}

/** What ends a piece of work, and where it reports to. */
export function reportsTo({ signal, progress: { onProgress }, notice: onNotice }: Context) {
  return { signal, onProgress, onNotice };
}

/** How a model is opened, and where that reports to. */
export function openOptions(context: Context, { allowField }: ModelFlags) {
  return { allowFields: allowField, ...reportsTo(context) };
}

/** Opens a model for the length of a task, once there is what runs it; flags without an engine run nothing. */
export async function withModel<T>(
  context: Context,
  ref: string,
  flags: ModelFlags | EngineFlags,
  task: (model: StudyModel) => Promise<T>,
): Promise<T> {
  if ("engine" in flags) await openRunner(context, flags);
  const model = await openModel(ref, openOptions(context, flags));
  try {
    return await task(model);
  } finally {
    model.close();
  }
}

/** Tables of results of one kind. A profile's has the ten lowest of each kind of module, or all; ranks within noise are marked. */
export function tableIn({ look }: Pick<Context, "look">, results: readonly Result[], all = false): string {
  return tableText(results, {
    ...look,
    ...all ? {} : { lowest: LOWEST, more: "use --all to print every module" },
    tied: (above, below, profile) => !distinct(profile, [above, below]),
  });
}
