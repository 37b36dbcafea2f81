/** A score reads a measurement, which gives numbers for all candidates at once; several scores may read the same. */
import { inDropOrder, type LayerModule, type ModuleKind, MODULES } from "core/measure/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import type { DropOrder } from "../result.ts";
import type { ModuleMeans } from "../../profile/mod.ts";
import type { Perplexity } from "../../losses/mod.ts";
import type { Target } from "core/result/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import type { Scope } from "core/study/scope.ts";
import type { Text } from "core/study/text.ts";
import { type DropPlan, dropPlan } from "core/run/mod.ts";

export type Scored = DropOrder["order"][number];
/** A candidate: a module, or a window of blocks. */
export type Entry = Pick<Scored, "module" | "layer" | "size">;

/** Its key in sets and maps. */
export const keyOf = ({ module, layer }: Pick<Entry, "module" | "layer">): string => `${module} ${layer}`;

/** All candidates of a target; windows have up to `upto` blocks. */
export function candidatesOf({ layers }: ModelSpec, target: Target, upto: number): Entry[] {
  if (target === "consecutive") {
    return Array.from(
      { length: upto },
      (_, n) => layers.slice(n).map((_, layer): Entry => ({ module: "block", layer, size: n + 1 })),
    ).flat();
  }
  const kinds = target === "joint" ? MODULES : [target];
  return kinds.flatMap((module) =>
    layers.flatMap((layer, l): Entry[] => {
      const present = module === "block" ? layer.attention || layer.mlp : layer[module];
      return present ? [{ module, layer: l, size: 1 }] : [];
    })
  );
}

type Entries = readonly (Omit<Entry, "size"> & Partial<Entry>)[];

/** The layers of attention and of MLPs that candidates consist of, in the candidates' order; `has` says which exist. */
export function modulesOf(entries: Entries, has: (kind: LayerModule, layer: number) => boolean) {
  const layers = (kind: LayerModule) =>
    entries.flatMap(({ module, layer, size = 1 }) =>
      module === kind
        ? [layer]
        : module === "block"
        ? Array.from({ length: size }, (_, i) => layer + i).filter((l) => has(kind, l))
        : []
    );
  return { attention: layers("attention"), mlp: layers("mlp") };
}

export function dropOfEntries(spec: ModelSpec, entries: Entries): DropPlan {
  return dropPlan(spec, modulesOf(entries, (kind, layer) => spec.layers[layer][kind] !== null));
}

/** Candidates in drop order by their scores; the numbers of a baseline order them, but are not shown. */
export function ranked(
  entries: readonly Entry[],
  scores: readonly (number | null)[],
  { baseline = false }: { readonly baseline?: boolean },
): Scored[] {
  return entries.map((entry, i): Scored => ({ ...entry, score: scores[i] })).sort(inDropOrder)
    .map((entry) => baseline ? { ...entry, score: null } : entry);
}

/** The values of a profile that order modules; null where a layer has no such module. */
export type Scores = Readonly<Record<ModuleKind, Omit<ModuleMeans, "standardError" | "directions">>>;

/** Numbers in the order of the candidates; null where a candidate has no such number. */
export type Numbers = readonly (number | null)[];

/** Where a measurement is made. */
interface Ground {
  readonly model: StudyModel;
  readonly text: Text;
  /** Seed of a random order; default: 0. */
  readonly seed?: number | null;
  /** What reports call it; default: what they call the order. */
  readonly title?: string;
}

/** The candidates of one measurement, and those that are dropped while it is made. */
export type Round = { readonly open: readonly Entry[]; readonly taken: readonly Entry[] };

/** A measurement of all candidates of a round. */
export interface Measurement<M = unknown> {
  measure(ground: Ground, round: Round, scope: Scope): Promise<M>;
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
  /** Its number among the guides, where the removal of the module itself gives it. */
  ofRemoval?(run: Perplexity): number;
}

export function readingFor(score: Score, target: Target): Reading {
  return target === "consecutive" && score.windows || score.modules;
}

/** Measures a round; its open candidates in drop order, and nats per token of the full model where they are measured. */
export async function measured(
  score: Score,
  target: Target,
  ground: Ground,
  round: Round,
  scope: Scope,
): Promise<{ nll: number | null; order: Scored[] }> {
  const { from, read } = readingFor(score, target);
  const measured = await from.measure(ground, round, scope);
  const about = { layers: ground.model.spec.layers.length, seed: ground.seed ?? 0 };
  return scope.likely(() => {
    const numbers = read(measured, round.open, about);
    return { nll: from.nll?.(measured) ?? null, order: ranked(round.open, numbers, score) };
  }, () => ({ nll: 0, order: ranked(round.open, deepest(round.open, about), { baseline: true }) }));
}

/** The number of layers after each candidate, by which the deepest is first. */
export const deepest = (entries: readonly Entry[], { layers }: { readonly layers: number }): Numbers =>
  entries.map(({ layer }) => layers - 1 - layer);

export const nothing: Measurement<null> = { measure: () => Promise.resolve(null) };
