/** What every command works with: where it reports to, what ends it, how its tables look. */
import process from "node:process";
import type { Profile } from "../result/mod.ts";
import { profileTable, type ProgressLine, progressLine, type TextLook } from "../show/mod.ts";
import { distinct, type StudyOptions } from "../study/mod.ts";
import { openModel, type StudyModel } from "../subject/mod.ts";
import type { StudyFlags } from "./options.ts";

/** A running command. */
export interface Context {
  readonly signal: AbortSignal;
  readonly progress: ProgressLine;
  readonly look: TextLook;
  /** A line for a person, on stderr. */
  notice(line: string): void;
  /** A table, on stdout. */
  print(text: string): void;
}

/** Starts a command: Ctrl-C ends it within one module; a second one ends the process. */
export function createContext(): Context {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort(new Error("Stopped; what is kept is not computed again"));
  });
  const progress = progressLine();
  return {
    signal: controller.signal,
    progress,
    look: { color: process.stdout.isTTY === true && !process.env.NO_COLOR, utf8: speaksUtf8() },
    notice: (line) => progress.onNotice(line),
    print(text) {
      progress.close();
      process.stdout.write(text + "\n");
    },
  };
}

function speaksUtf8(): boolean {
  const locale = process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || "";
  return process.platform === "darwin" || /utf-?8/i.test(locale);
}

/** Options of a study from the command line's flags. */
export function studyOptions(context: Context, flags: StudyFlags): StudyOptions {
  return {
    samples: flags.samples,
    length: flags.length,
    skip: flags.skip,
    bos: flags.bos,
    ...(flags.text === undefined ? {} : { text: flags.text }),
    ...(flags.cache ? { results: flags.results } : {}),
    signal: context.signal,
    onProgress: (progress) => context.progress.onProgress(progress),
    onNotice: context.notice,
  };
}

/** Opens a model for the length of a task. */
export async function withModel<T>(
  context: Context,
  ref: string,
  task: (model: StudyModel) => Promise<T>,
): Promise<T> {
  const model = await openModel(ref, {
    signal: context.signal,
    onProgress: (progress) => context.progress.onProgress(progress),
    onNotice: context.notice,
  });
  try {
    return await task(model);
  } finally {
    model.close();
  }
}

/** A profile's table; ranks that the samples do not tell apart are marked. */
export function markedProfile(context: Pick<Context, "look">, result: Profile): string {
  return profileTable(result, {
    ...context.look,
    tied: (above, below) => !distinct(result, above, below),
  });
}
