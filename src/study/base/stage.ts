/**
 * The stages that a study is made of. Units of a stage do not wait for each other: one machine runs them all, many machines some
 * each (a shard), and keep what comes of them under the keys that the undivided study looks for.
 */
import { batchSize, noDrop } from "../../run/mod.ts";
import { phased, type Reports, sum } from "../../entry/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { bytesOf, flopsOf, type Pass, type Size } from "./estimate.ts";
import { keptOnly, type RunOptions } from "./options.ts";

/** Units [from, to) of a stage. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

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

/** A stage as a study declares it. */
interface StageOf<T> {
  /** The units, in the plural: "samples". */
  readonly unit: string;
  readonly units: number;
  /** Approximate floating-point operations of a unit. */
  cost(unit: number): number;
  /** Approximate memory of some units, in bytes. */
  bytes(span: Span): number;
  /** Finds units kept, or computes and keeps them. */
  run(span: Span, options: RunOptions): Promise<T>;
  /** Joins the values of spans that are the whole stage together. Absent where every unit is kept by itself. */
  join?(parts: readonly T[], options: RunOptions): Promise<T>;
  /** Whether units are kept for shards alone: one machine keeps the study's result instead. Default: false. */
  readonly apart?: boolean;
}

/** A stage that remembers the value of all its units. */
export interface Stage<T = unknown> extends Pick<StageOf<T>, "unit" | "bytes" | "run"> {
  readonly costs: readonly number[];
  /** Joins spans that are kept, and computes nothing. */
  join(spans: readonly Span[], options: RunOptions): Promise<void>;
  /** The value of all units: joined or run before, or run now. */
  whole(options: RunOptions): Promise<T>;
}

/** Cost and memory of units by the passes that they make. */
export function byPasses(model: Pick<StudyModel, "spec">, passes: (span: Span) => readonly Pass[]) {
  return {
    cost: (unit: number) => flopsOf(model, passes({ from: unit, to: unit + 1 })),
    bytes: (span: Span) => bytesOf(model, passes(span)),
  };
}

export function stage<T>(of: StageOf<T>): Stage<T> {
  const { unit, units, apart = false } = of;
  let value: Promise<T> | undefined;
  let costs: number[] | undefined;
  return {
    unit,
    get costs() {
      return costs ??= Array.from({ length: units }, (_, unit) => of.cost(unit));
    },
    bytes: (span) => of.bytes(span),
    run: (span, options) => of.run(span, options),
    async join(spans, options) {
      if (!of.join) return;
      const kept = await keptOnly(options);
      const parts: T[] = [];
      for (const span of spans) parts.push(await of.run(span, kept));
      value = Promise.resolve(await of.join(parts, options));
    },
    whole: (options) =>
      value ??= of.run({ from: 0, to: units }, apart ? { ...options, results: undefined } : options),
  };
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

/** The stage of a pass over samples; `run` receives samples. */
export function sampleStage<T>(
  model: Pick<StudyModel, "spec">,
  { samples, length, plans = [noDrop], head = false }: Size & Partial<Pass>,
  { run, join }: Required<Pick<StageOf<T>, "run" | "join">>,
): Stage<T> {
  const batches = batchesOf({ samples, length });
  const passes = (span: Span) => {
    const { from, to } = batches.samplesOf(span);
    return [{ plans, head, samples: to - from, length }];
  };
  return stage({
    unit: batches.size === 1 ? "samples" : `batches of ${batches.size} samples`,
    units: batches.count,
    ...byPasses(model, passes),
    run: (span, options) => run(batches.samplesOf(span), options),
    join,
  });
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
