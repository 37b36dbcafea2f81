/** Documents of tasks in halves: the first of each task choose among many plans, the rest, which no choice has seen, confirm. */
import { option, wholeNumber } from "../../entry/mod.ts";
import type { Half } from "../base/text.ts";
import type { EvaluateOptions } from "./evaluate.ts";

/** Tasks whose documents are halved. */
export interface HalvedTasks {
  /** Benchmark tasks. */
  readonly tasks?: readonly string[] | undefined;
  /** Documents of each task, of which half confirm; default: 200. */
  readonly limit?: number | undefined;
}

const LIMIT = 200;

/** The check of `limit`, where the option `needs` says what the documents are for. */
export const halvedLimit = (needs: string) =>
  option(wholeNumber(4), "<n> documents of each task; half confirm", LIMIT, { needs });

/** What an evaluation of one half asks; texts begin with BOS as those of a study do. */
export function askedOf(
  half: Half,
  { tasks, limit = LIMIT, bos }: HalvedTasks & { readonly bos?: boolean | undefined },
): EvaluateOptions {
  const choosing = Math.ceil(limit / 2);
  return {
    tasks,
    ...half === "choosing" ? { limit: choosing } : { skip: choosing, limit: limit - choosing },
    prompts: 0,
    bos: bos === undefined ? undefined : bos ? "always" : "never",
  };
}
