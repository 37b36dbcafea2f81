/**
 * Tasks whose documents are made here, by a seed: they need no data, so that every model can be probed without a network. Each asks
 * for the one continuation that its text determines; greedy decoding has it or has it not.
 */
import { pythonRandom } from "../random.ts";
import type { Task } from "../task.ts";

/** Draws for the documents of a task. */
export interface Draws {
  /** A whole number below `size`. */
  below(size: number): number;
  /** One of some items. */
  one<T>(items: readonly T[]): T;
  /** `count` different items, in the order drawn. */
  several<T>(items: readonly T[], count: number): T[];
}

/** A text, and what has to follow it; the continuation begins with its space. */
export interface Probe {
  readonly context: string;
  readonly continuation: string;
}

/** A made task: its name, and document number `i` of `DOCUMENTS`. */
export interface Made {
  readonly name: string;
  /** Counts the ways in which documents were made: results of another one are not reused. */
  readonly version: string;
  probe(draws: Draws, i: number): Probe;
}

/** Documents of each task: half of the interval of an accuracy is at most seven points. */
export const DOCUMENTS = 200;
/** The seed of every task's documents; shots have one of their own. */
const SEED = 1;

/** The documents of a task, always the same. */
export function probesOf({ probe }: Pick<Made, "probe">): Probe[] {
  const random = pythonRandom(SEED);
  const draws: Draws = {
    below: random.below,
    one: (items) => items[random.below(items.length)],
    several: (items, count) => random.sample(items.length, count).map((i) => items[i]),
  };
  return Array.from({ length: DOCUMENTS }, (_, i) => probe(draws, i));
}

/** A task of made documents: the share of exact continuations (`acc`), and how improbable they are (`perplexity`). */
export function madeTask({ name, version, probe }: Made): Task {
  return {
    name,
    version,
    documents: {
      dataset: `documents of ${name}`,
      split: "test",
      file: { from: "made", rows: () => probesOf({ probe }).map((probe) => ({ ...probe })) },
    },
    pool: null,
    shots: 0,
    description: "",
    metrics: ["acc", "perplexity"],
    read(row) {
      const [context, continuation] = [row.text("context"), row.text("continuation")];
      return {
        question: context,
        answer: continuation.trimStart(),
        requests: [{ context, continuation }],
        choices: [continuation.trimStart()],
        gold: 0,
      };
    },
  };
}
