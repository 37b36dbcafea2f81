/**
 * Tasks whose documents are made here, by a seed: they need no data, so that every model can be probed without a network. Each asks
 * for the one continuation that its text determines: greedy decoding has it or has it not, or the model chooses it among some.
 */
import { choose } from "../choice.ts";
import { pythonRandom } from "../random.ts";
import { PLAIN, type Request, type Task } from "../task.ts";

/** Draws for the documents of a task. */
export interface Draws {
  /** A whole number below `size`. */
  below(size: number): number;
  /** One of some items. */
  one<T>(items: readonly T[]): T;
  /** `count` different items, in the order drawn. */
  several<T>(items: readonly T[], count: number): T[];
}

/** A made task: its name, and document number `i` of `DOCUMENTS`. */
interface Made {
  readonly name: string;
  /** Continuations of every document, one of them the right one, where the model chooses; by default it writes. */
  readonly choices?: readonly string[];
  /** Tokens of its longest text in usual vocabularies, where its name has them. */
  readonly tokens?: number;
  /** Counts the ways in which documents were made: results of another one are not reused. */
  readonly version: string;
  /** The continuation begins with its space. */
  probe(draws: Draws, i: number): Request;
}

/** Documents of each task: half of the interval of an accuracy is at most seven points. */
export const DOCUMENTS = 200;
/** The seed of every task's documents; shots have one of their own. */
const SEED = 1;

/** The first documents of a task, always the same. */
function probesOf(probe: Made["probe"], count: number): Request[] {
  const random = pythonRandom(SEED);
  const draws: Draws = {
    below: random.below,
    one: (items) => items[random.below(items.length)],
    several: (items, count) => random.sample(items.length, count).map((i) => items[i]),
  };
  return Array.from({ length: Math.min(count, DOCUMENTS) }, (_, i) => probe(draws, i));
}

/**
 * A task of made documents. Its numbers: the share of exact continuations, or of right choices (`acc`), and where nothing is chosen how
 * improbable the continuations are (`perplexity`).
 */
export function madeTask({ name, version, choices: among, tokens, probe }: Made): Task {
  return {
    ...PLAIN,
    name,
    version,
    documents: {
      dataset: `documents of ${name}`,
      split: "test",
      file: { from: "made", tokens, rows: (count) => probesOf(probe, count).map((made) => ({ ...made })) },
    },
    pool: null,
    metrics: among ? ["acc"] : ["acc", "perplexity"],
    read(row) {
      const [context, right] = [row.text("context"), row.text("continuation")];
      const continuations = among ?? [right];
      const choices = continuations.map((continuation) => continuation.trimStart());
      const gold = row.index("continuation", continuations.indexOf(right), continuations.length);
      return choose(context, choices, gold);
    },
  };
}
