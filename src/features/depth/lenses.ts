/** The pass of a study of depth: the streams of samples at some tokens, and what the head reads from them behind each layer. */
import { eachOf, released, sum } from "core/entry/mod.ts";
import { DEPTH_MEASURES, lensOf, pathOf } from "./measures.ts";
import { meanPart } from "core/measure/mod.ts";
import {
  batchSize,
  type Blocks,
  type DropPlan,
  embed,
  headOf,
  openScorer,
  segmentsOf,
  streamProbe,
  throughLast,
  withTables,
  withUploaded,
} from "core/run/mod.ts";
import type { Model } from "core/models/mod.ts";
import type { Depth } from "./result.ts";
import { float32 } from "core/tensor/mod.ts";
import { engineOf, reporter, type RunOptions } from "core/study/options.ts";
import { pass } from "core/study/pass.ts";

/** Bytes of streams that are held at once: samples run in groups. */
const HELD = 128 * 2 ** 20;
/** The likeliest tokens that are compared. */
const LIKELIEST = 5;
/** The share of a sample's tokens, its first, that pass the last layer again behind every layer; for four rows that are read elsewhere, one of them is. */
const AGAIN = 1 / 8;

/** Which tokens of a sample are looked at. */
export interface Tokens {
  /** Places of the tokens that are measured, and which of these the head reads. */
  readonly places: readonly number[];
  readonly reading: readonly number[];
  /** Tokens that pass the last layer again, from the first, and places of those that the head then reads. */
  readonly again: number;
  readonly readAgain: readonly number[];
}

/** Every nth token of a sample: the first ones have streams unlike all others. The head reads at most `rows` of them, evenly apart. */
export function tokensOf(length: number, stride: number, rows: number): Tokens {
  const places = Array.from({ length: Math.floor(length / stride) }, (_, i) => (i + 1) * stride - 1);
  const again = Math.max(stride, Math.floor(length * AGAIN));
  const early = places.filter((place) => place < again);
  const readAgain = spread(early.length, Math.ceil(rows / 4)).map((i) => early[i]);
  return { places, reading: spread(places.length, rows), again, readAgain };
}

/** Chooses at most `most` of n places, evenly apart; the last is always one of them. */
function spread(n: number, most: number): number[] {
  const count = Math.min(n, most);
  return Array.from({ length: count }, (_, i) => Math.floor((i + 1) * n / count) - 1);
}

/** Samples that run at once, whole batches, and the bytes of their streams, those that the head reads and the last layer passes three times. */
export function groupOf({ layers, hidden }: Model["spec"], length: number, tokens: Tokens) {
  const bytes = 4 * (layers.length + 1) * (tokens.places.length + tokens.again) * hidden;
  const size = batchSize(length);
  const samples = Math.max(1, Math.floor(HELD / bytes / size)) * size;
  return { samples, bytes: 3 * samples * bytes };
}

interface Asked extends Tokens {
  readonly drop: DropPlan;
  readonly frequent: readonly number[];
  /** The pass's share of the work. */
  readonly share: number;
}

/** The streams h_0 … h_L of a sample: at the places that are measured, and of the first tokens. */
type Streams = Readonly<Record<"at" | "first", Float32Array[]>>;
type Scorer = Awaited<ReturnType<typeof openScorer>>;

export async function sumsOver(
  model: Model,
  { ids, samples, length }: Blocks,
  asked: Asked,
  options: RunOptions,
): Promise<Depth["samples"]> {
  const { reading, readAgain, frequent } = asked;
  const { hidden } = model.spec;
  const group = groupOf(model.spec, length, asked).samples;
  const report = reporter("layers", "samples", options);
  await using scorer = released(
    await openScorer(headOf(model, asked.drop), await engineOf(options), options.signal),
  );
  const all: Depth["samples"] = [];
  for (let first = 0; first < samples; first += group) {
    const count = Math.min(group, samples - first);
    const part = { ids: ids.subarray(first * length, (first + count) * length), samples: count, length };
    const tell = (done: number) => report(first + count * done, samples);
    const held = await streamsOf(model, part, asked, options, tell);
    const lenses = await lensesOf(scorer, model, part, held, asked, options, tell);
    const finals = lenses.at(-1)!.tops;
    held.forEach(({ at }, i) => {
      const n = at[0].length / hidden;
      const rowOf = (h: Float32Array, t: number) => h.subarray(t * hidden, (t + 1) * hidden);
      const paths = Array.from({ length: n }, (_, t) => pathOf(at.map((h) => rowOf(h, t))));
      const rowsOf = (count: number) => Array.from({ length: count }, (_, r) => i * count + r);
      const layers = lenses.map(({ kl, tops, again }, l) => ({
        path: (name: string) => paths.map((path) => path[name as "step"][l]),
        lens: rowsOf(reading.length).map((row) => lensOf(kl[row], tops[row], finals[row], frequent)),
        again: rowsOf(readAgain.length).map((row) => Math.max(0, again[row])),
      }));
      all.push(eachOf(DEPTH_MEASURES, (name) =>
        layers.map(({ path, lens, again }) =>
          meanPart(
            name === "again" ? again : name in paths[0] ? path(name) : lens.map((row) => row[name as "kl"]),
          )
        )));
    });
  }
  return all;
}

/** Runs samples; a layer of which nothing is left passes the stream on. */
async function streamsOf(
  model: Model,
  blocks: Blocks,
  { places, again, drop, share }: Asked,
  options: RunOptions,
  tell: (done: number) => void,
): Promise<Streams[]> {
  const { layers: { length: layers }, hidden } = model.spec;
  const engine = await engineOf(options);
  const { ids, samples, length } = blocks;
  const held: Streams[] = [];
  const hold = (sample: number, l: number, h: Float32Array) => {
    held[sample].at[l] = rowsIn(h, places, hidden);
    held[sample].first[l] = h.slice(0, again * hidden);
  };
  const read = drop.tables ? withTables(model, drop.tables) : model;
  for (let i = 0; i < samples; i++) {
    held.push({ at: [], first: [] });
    hold(i, 0, await embed(read, engine, ids.subarray(i * length, (i + 1) * length)));
  }
  const probe = streamProbe((layer, sample, h) => hold(sample, layer + 1, h));
  const onProgress = (done: number, modules: number) => tell(share * done / modules);
  await pass(model, blocks, [probe], options, { plans: [drop], onProgress });
  for (const streams of held) {
    for (let l = 0; l < layers; l++) {
      for (const own of [streams.at, streams.first]) own[l + 1] ??= own[l];
    }
  }
  return held;
}

/**
 * What the head reads behind each layer, held against the last: KL and likeliest tokens by row; and the KL by row where the streams of the
 * first tokens pass the last layer before it. In front of the last layer stands the final prediction. The head's weights are read once.
 */
async function lensesOf(
  scorer: Scorer,
  model: Model,
  { ids, samples, length }: Blocks,
  held: readonly Streams[],
  { reading, again, readAgain, share, drop }: Asked,
  options: RunOptions,
  tell: (done: number) => void,
) {
  const { layers, hidden, vocabulary } = model.spec;
  const engine = await engineOf(options);
  const rows = samples * reading.length;
  const rowsAgain = samples * readAgain.length;
  const order = [layers.length, ...layers.keys().drop(1)]; // the last leads
  const tensors = Object.fromEntries(order.map((l, i) => {
    const streams = joined(held.map(({ at }) => rowsIn(at[l], reading, hidden)));
    return [i, float32([rows, hidden], streams)];
  }));
  const enter = (i: number, { first, count }: { readonly first: number; readonly count: number }) => {
    const l = Math.min(order[i], layers.length - 1);
    const streams = held.slice(first, first + count).map(({ first }) => first[l]);
    return engine.upload(float32([count * again, hidden], joined(streams)));
  };
  const segments = segmentsOf({ ids: joinedIds(ids, samples, length, again), samples, length: again });
  const running = { model, engine, segments, signal: options.signal, plan: drop };
  const onScore = (done: number) => tell(share + (1 - share) * done / ((rows + rowsAgain) * vocabulary));
  const [last, ...others] = await withUploaded(
    engine,
    tensors,
    (uploaded) =>
      throughLast(running, order.length, enter, async (passed, batches) => {
        const targets = batches.map(({ count }) =>
          targetsAt(
            Array.from({ length: count }, (_, i) => readAgain.map((place) => i * again + place)).flat(),
          )
        );
        const streams = order.map((_, i) => [uploaded[i], ...passed[i]]);
        return await scorer.score(
          streams,
          [targetsAt(Array(rows).keys()), ...targets],
          true,
          { onScore, likeliest: LIKELIEST },
        );
      }),
  );
  return [...others, last].map(({ kl, likeliest }) => ({
    kl: kl.subarray(0, rows),
    tops: Array.from(
      { length: rows },
      (_, row) => likeliest.subarray(row * LIKELIEST, (row + 1) * LIKELIEST),
    ),
    again: kl.subarray(rows),
  }));
}

/** Rows whose tokens do not matter. */
function targetsAt(places: Iterable<number>) {
  const rows = Int32Array.from(places);
  return { rows, tokens: new Int32Array(rows.length), of: rows.map((_, i) => i) };
}

function joinedIds(ids: Int32Array, samples: number, length: number, first: number): Int32Array {
  const all = new Int32Array(samples * first);
  for (let i = 0; i < samples; i++) all.set(ids.subarray(i * length, i * length + first), i * first);
  return all;
}

/** Some rows of states [n, D]. */
function rowsIn(states: Float32Array, rows: readonly number[], hidden: number): Float32Array {
  return joined(rows.map((row) => states.subarray(row * hidden, (row + 1) * hidden)));
}

function joined(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const all = new Float32Array(sum(parts, ({ length }) => length));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}
