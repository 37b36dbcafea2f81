/**
 * The stages that a study is made of. Units of a stage do not wait for each other: one machine runs them all, many machines some
 * each (a shard), and keep what comes of them under the keys that the undivided study looks for.
 */
import { batchSize } from "../run/mod.ts";
import { phased, type Reports, sum } from "../entry/mod.ts";
import type { StudyModel } from "../subject/mod.ts";
import { bytesOf, flopsOf, type Pass, type Size } from "./estimate.ts";
import { lookingUp, type RunOptions } from "./options.ts";

/** Units [from, to) of a stage. */
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

/** A step of a study whose units do not wait for each other, as a study declares it. */
interface Divided<T> {
  /** The units, in the plural: "samples". */
  readonly unit: string;
  readonly units: number;
  /** The passes of some units: their cost, memory, price and share of the progress. */
  passes(span: Span): readonly Pass[];
  /** Those of all units in the price, where they are others. */
  readonly priced?: readonly Pass[];
  /** Estimates a unit's floating-point operations, and the memory of a span in bytes, where passes do not say them. */
  cost?(unit: number): number;
  bytes?(span: Span): number;
  /** Finds units kept, or computes and keeps them. */
  run(span: Span, options: RunOptions): Promise<T>;
  /** Joins the values of spans that are the whole together. Absent where every unit is kept by itself. */
  join?(parts: readonly T[], options: RunOptions): Promise<T>;
  /** Whether units are kept for shards alone: one machine keeps the study's result instead. Default: false. */
  readonly apart?: boolean;
}

/** What many machines compute some units of each. */
export interface Stage extends Pick<Divided<unknown>, "unit" | "run"> {
  readonly costs: readonly number[];
  bytes(span: Span): number;
  /** Looks spans up, which throws `NotKept` where one is missing, and joins them. */
  join(spans: readonly Span[], options: RunOptions): Promise<void>;
}

/** A step of a study: one call on one machine, one or more stages on many. */
export interface Step<T = unknown> {
  /** The passes over text, which are the step's price and its share of the progress. */
  readonly passes: readonly Pass[];
  readonly stages: readonly Stage[];
  /** The step's value: as its stages were joined, or as it is found or computed now. */
  whole(options: RunOptions): Promise<T>;
  /**
   * Looks for all that the step computes among what earlier runs kept, and throws `NotKept` where something is missing: so that the
   * progress counts it as done before its turn. Absent where nothing looks ahead. It gets options that compute nothing.
   */
  find?(options: RunOptions): Promise<unknown>;
}

/** A step that computes its value once. A study with steps of no stage cannot be divided. */
export function step<T>(
  passes: readonly Pass[],
  compute: (options: RunOptions) => Promise<T>,
  stages: readonly Stage[] = [],
): Step<T> {
  let value: Promise<T> | undefined;
  return { passes, stages, whole: (options) => value ??= compute(options) };
}

/** A step that is a stage on many machines. */
export function divided<T>(model: Pick<StudyModel, "spec">, of: Divided<T>): Step<T> {
  const { unit, units, run, join, apart = false } = of;
  const all = { from: 0, to: units };
  let joined: Promise<T> | undefined;
  let costs: number[] | undefined;
  const cost = of.cost ?? ((unit) => flopsOf(model, of.passes({ from: unit, to: unit + 1 })));
  const stage: Stage = {
    unit,
    get costs() {
      return costs ??= Array.from({ length: units }, (_, unit) => cost(unit));
    },
    bytes: of.bytes ?? ((span) => bytesOf(model, of.passes(span))),
    run,
    async join(spans, options) {
      const found = await lookingUp(options);
      const parts: T[] = [];
      for (const span of spans) parts.push(await run(span, found));
      if (join) joined = Promise.resolve(await join(parts, options));
    },
  };
  const own = (options: RunOptions) => apart ? { ...options, results: undefined } : options;
  return step(of.priced ?? of.passes(all), (options) => joined ?? run(all, own(options)), [stage]);
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
