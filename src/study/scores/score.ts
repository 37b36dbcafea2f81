/**
 * What a score is: the reading of a measurement. One measurement gives numbers for all candidates at once, and several scores
 * may read it.
 */
import type { ModuleKind } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import type { ModuleMeans, Perplexity, Provenance, Target } from "../../result/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import type { Pass } from "../base/estimate.ts";
import type { Need } from "../base/memory.ts";
import type { StudyOptions } from "../base/options.ts";
import type { Entry } from "./candidates.ts";

/** The values of a profile that order modules; null where a layer has no such module. */
export type Scores = Readonly<Record<ModuleKind, Pick<ModuleMeans, "importance" | "relativeMagnitude">>>;

/** Numbers in the order of the candidates; null where a candidate has no such number. */
export type Numbers = readonly (number | null)[];

/** Where a measurement is made. */
export interface Ground {
  readonly model: StudyModel;
  readonly packed: Packed;
  /** Of the full model on that text. */
  readonly provenance: Provenance;
  /** Seed of a random order; default: 0. */
  readonly seed?: number | null;
  /** Memory that the whole study needs; default: what the measurement itself needs. */
  readonly need?: Need;
}

/** The candidates of one measurement, and those that are dropped while it is made. */
export interface Round {
  readonly open: readonly Entry[];
  readonly taken: readonly Entry[];
  /** Nats per token of the full model, where an earlier round has measured them. */
  readonly nll: number | null;
}

/** A measurement of all candidates of a round. */
export interface Measurement<M = unknown> {
  /** The units by which machines can share it; without them, one machine makes it. */
  readonly unit?: "samples" | "candidates";
  /** The passes that it runs over blocks of tokens. */
  passes(spec: ModelSpec, round: Round, size: Pick<Pass, "samples" | "length">): Pass[];
  measure(ground: Ground, round: Round, options: StudyOptions): Promise<M>;
  /** Nats per token of the full model, where they are measured too. */
  nll?(measured: M): number;
}

/** A measurement, and the numbers that are read from it. */
export interface Reading<M = unknown> {
  readonly from: Measurement<M>;
  /** May need the number of layers of the model, and the seed of a random order. */
  read(
    measured: M,
    entries: readonly Entry[],
    about: { readonly layers: number; readonly seed: number },
  ): Numbers;
}

/** What orders candidates: the one with the lowest number is dropped first. */
export interface Score {
  readonly modules: Reading;
  /** The reading for windows of blocks, where it is another. */
  readonly windows?: Reading;
  /** Whether it is measured again after every drop, with the drops made. */
  readonly again?: boolean;
  /** Whether it measures nothing, so that its numbers are no scores. */
  readonly baseline?: boolean;
  /** Whether it measures what removals cost, so that no check by removals is needed. */
  readonly removes?: boolean;
  /** The only target that it can order, and the reason. */
  readonly only?: { readonly target: Target; readonly why: string };
  /** Its number among the guides, where the removal of the module itself gives it. */
  ofRemoval?(run: Perplexity): number;
}

/** The reading of a score for a target. */
export function readingFor(score: Score, target: Target): Reading {
  return target === "consecutive" && score.windows || score.modules;
}

/** Measures a round and reads the numbers of its open candidates. */
export async function measured(
  { from, read }: Reading,
  ground: Ground,
  round: Round,
  options: StudyOptions,
): Promise<{ nll: number | null; numbers: Numbers }> {
  const measured = await from.measure(ground, round, options);
  const about = { layers: ground.model.spec.layers.length, seed: ground.seed ?? 0 };
  return { nll: from.nll?.(measured) ?? null, numbers: read(measured, round.open, about) };
}

/** No measurement. */
export const nothing: Measurement<null> = {
  passes: (_spec, _round, size) => [{ ...size, plans: [], head: false }],
  measure: () => Promise.resolve(null),
};
