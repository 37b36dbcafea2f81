/** Spans of work: batches of samples, shares of about equal cost, and pieces in one count of progress. */
import { batchSize } from "../run/mod.ts";
import { phased, type Reports, sum } from "../entry/mod.ts";
import type { Size } from "./estimate.ts";
import type { RunOptions } from "./options.ts";

/** Units [from, to). */
export type Span = Readonly<Record<"from" | "to", number>>;

/** Those alone, of options that say more. */
export function runOptionsOf<O extends RunOptions>(
  { results, engine, precision, memory, signal, onProgress, onNotice, force }: O,
): Pick<O, keyof RunOptions> {
  return { results, engine, precision, memory, signal, onProgress, onNotice, force };
}

/** The same for a shard, which always keeps. */
export interface ShardOptions extends RunOptions {
  readonly results: string;
}

/**
 * The batches in which a study runs samples of T tokens: their size, which the last may not reach, their number, and the samples of
 * some of them. A shard is some whole batches, so that its last digits are the study's.
 */
export function batchesOf({ samples, length }: Size) {
  const size = batchSize(length);
  return {
    size,
    count: Math.ceil(samples / size),
    samplesOf: ({ from, to }: Span): Span => ({ from: from * size, to: Math.min(samples, to * size) }),
  };
}

/** Divides units into at most `parts` spans of about equal cost. */
export function spansOf(costs: readonly number[], parts: number): Span[] {
  const count = Math.min(parts, costs.length);
  const total = sum(costs);
  const spans: Span[] = [];
  let [from, done] = [0, 0];
  for (let part = 0; part < count; part++) {
    const latest = costs.length - (count - part - 1); // each span that follows needs a unit at least
    const share = total * (part + 1) / count;
    let to = from + 1;
    done += costs[from];
    while (to < latest && done + costs[to] / 2 <= share) done += costs[to++];
    if (part === count - 1) to = costs.length;
    spans.push({ from, to });
    from = to;
  }
  return spans;
}

/** One count of progress for pieces of work. */
interface Counting<Item> {
  /** The count's label; by default each piece has its own. */
  readonly label?: string;
  /** What a piece weighs beside the others; by default all the same. */
  weight?(item: Item): number;
  /** Whether an earlier run is known to have kept all of a piece. */
  isKept?(item: Item): boolean;
}

/** Runs a piece of work for every item, in one count of progress, and returns the values. The signal ends it between two items. */
export async function inTurn<Item, O extends Reports, T>(
  items: readonly Item[],
  options: O,
  run: (item: Item, options: O) => Promise<T>,
  { label, weight = () => 1, isKept = () => false }: Counting<Item> = {},
): Promise<T[]> {
  const kept = items.map((item) => isKept(item) ? 1 : 0);
  const at = phased(label ?? null, items.map(weight), options, { kept });
  const values: T[] = [];
  for (const [i, item] of items.entries()) {
    options.signal?.throwIfAborted();
    values.push(await run(item, at(i)));
  }
  return values;
}
