/** Several pieces of work, one after the other, in one count of progress. */
import { phases, type Reports, within } from "../../entry/mod.ts";

/** How pieces of work are counted. */
interface CountOptions<Item> {
  /** What the count is called; default: each piece has its own label. */
  readonly label?: string;
  /** What a piece weighs beside the others; default: all the same. */
  weight?(item: Item): number;
}

/** Runs a piece of work for every item and returns the values. The signal ends it between two items. */
export async function inTurn<Item, O extends Reports, T>(
  items: readonly Item[],
  options: O,
  run: (item: Item, options: O) => Promise<T>,
  { label, weight = () => 1 }: CountOptions<Item> = {},
): Promise<T[]> {
  const phase = phases(label ?? null, items.map(weight), options.onProgress);
  const values: T[] = [];
  for (const [i, item] of items.entries()) {
    options.signal?.throwIfAborted();
    values.push(await run(item, within(options, phase(i))));
  }
  return values;
}
