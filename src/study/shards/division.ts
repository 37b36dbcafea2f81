/**
 * A study divided into shards: stages of units, of which a machine takes some and keeps what comes of them under the keys that the
 * undivided study looks for. The undivided study, run where all units are kept, then computes nothing and gives its own bytes.
 */
import { batchSize, noDrop } from "../../run/mod.ts";
import type { Keeping, Provenance } from "../../result/mod.ts";
import type { Reports } from "../../entry/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { bytesOf, flopsOf, type Pass } from "../estimate.ts";
import type { EngineOptions, Forcing } from "../options.ts";

/** Units [from, to) of a stage. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where a shard keeps what it computes, on what it computes, and who hears of it. */
export interface ShardOptions extends Keeping, Reports, EngineOptions, Forcing {
  readonly results: string;
}

/** Units that do not wait for each other. */
export interface Stage {
  /** What they are, in the plural: "samples". */
  readonly unit: string;
  /** Floating-point operations of each, about. */
  readonly costs: readonly number[];
  /** Memory of some of them, about. */
  bytes(span: Span): number;
  /** Computes units and keeps what comes of them. */
  run(span: Span, options: ShardOptions): Promise<void>;
  /** Makes one of what these spans, together the whole stage, have kept. Absent where units are kept each by itself. */
  join?(spans: readonly Span[], options: ShardOptions): Promise<void>;
}

/** A study, and how it is divided. */
export interface Division {
  /** "profile of smollm2-135m". */
  readonly label: string;
  readonly model: Pick<Provenance["model"], "name" | "fingerprint">;
  /** All that its numbers depend on besides what computes them, by name ("text"): what must be the same on every machine. */
  readonly depends: Readonly<Record<string, unknown>>;
  readonly stages: readonly Stage[];
}

/** Samples in the batches in which a study runs them: a shard is some whole batches, so that its last digits are the study's. */
export interface Batches {
  /** Batches of so many samples, but for the last. */
  readonly size: number;
  readonly count: number;
  /** The samples of some batches. */
  samplesOf(batches: Span): Span;
}

/** How samples of T tokens are batched. */
export function batchesOf({ samples, length }: Pick<Pass, "samples" | "length">): Batches {
  const size = batchSize(length);
  return {
    size,
    count: Math.ceil(samples / size),
    samplesOf: ({ from, to }) => ({ from: from * size, to: Math.min(samples, to * size) }),
  };
}

/** The stage of a pass over samples; `run` and `join` are given samples. */
export function sampleStage(
  model: Pick<StudyModel, "spec">,
  { samples, length, plans = [noDrop], head = false }: Pick<Pass, "samples" | "length"> & Partial<Pass>,
  does: Required<Pick<Stage, "run" | "join">>,
): Stage {
  const batches = batchesOf({ samples, length });
  const pass = ({ from, to }: Span) => [{ plans, head, samples: to - from, length }];
  return {
    unit: batches.size === 1 ? "samples" : `batches of ${batches.size} samples`,
    costs: Array.from(
      { length: batches.count },
      (_, batch) => flopsOf(model, pass(batches.samplesOf({ from: batch, to: batch + 1 }))),
    ),
    bytes: (span) => bytesOf(model, pass(batches.samplesOf(span))),
    run: (span, told) => does.run(batches.samplesOf(span), told),
    join: (spans, told) => does.join(spans.map(batches.samplesOf), told),
  };
}

/** Divides units into at most `parts` spans of about equal cost. */
export function spansOf(costs: readonly number[], parts: number): Span[] {
  const count = Math.min(parts, costs.length);
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  const spans: Span[] = [];
  let [from, done] = [0, 0];
  for (let part = 0; part < count; part++) {
    const latest = costs.length - (count - part - 1); // one unit at least is left for each span that follows
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
