/** The runs that the study of causes consists of, each a choice of blocks, plans and probes; what each sees, sample by sample. */
import {
  distances,
  effectiveRank,
  KINDS,
  massiveActivations,
  MODULES,
  type Smoothing,
  SMOOTHING_NAMES,
} from "core/measure/mod.ts";
import type { Model, ModelSpec } from "core/models/mod.ts";
import type { EffectsRow, PatternsRow, SmoothingRow, WholeRow } from "./result.ts";
import {
  attentionStatsProbe,
  type Blocks,
  type DropPlan,
  effectsProbe,
  embed,
  embeddingSmoothing,
  gramProbe,
  noDrop,
  normsProbe,
  type Probe,
  smoothingProbe,
  streamProbe,
} from "core/run/mod.ts";
import { headMeans } from "./means.ts";
import { engineOf, reporter, type StudyOptions } from "core/study/options.ts";
import { pass } from "core/study/pass.ts";
import type { Span } from "core/study/stage.ts";
import { eachOf } from "core/entry/mod.ts";

export type Running = { readonly model: Model; readonly options: StudyOptions };

/** The full model with every probe, in one pass. `first`: whether these are the study's first samples, whose ranks are wanted. */
export async function wholeRows(
  running: Running,
  blocks: Blocks,
  { stride, first }: { readonly stride: number; readonly first: boolean },
): Promise<WholeRow[]> {
  const { model, options } = running;
  const { layers, hidden } = model.spec;
  const gram = gramProbe(layers);
  const norms = normsProbe(layers.length);
  const patterns = attentionStatsProbe(layers, headMeans, { stride });
  const massive = samplesOf(blocks, (): WholeRow["massive"] => []);
  const ranks = layers.map((): number | null => null);
  const streams = streamProbe(
    (layer, sample, states, updates) => {
      const modules = Object.entries(updates);
      massive[sample].push(
        ...massiveActivations(states, hidden).map((found) => {
          const at = found.position * hidden + found.dimension;
          return { layer, ...found, added: Object.fromEntries(modules.map(([kind, u]) => [kind, u[at]])) };
        }),
      );
      if (first && sample === 0) ranks[layer] = effectiveRank(states, hidden);
    },
    0,
    MODULES,
  );
  await run(running, "full model", blocks, [noDrop], [gram, norms, patterns, streams]);
  const engine = await engineOf(options);
  const embedding = first ? await embed(model, engine, blocks.ids.subarray(0, blocks.length)) : null;
  return samplesOf(blocks, (sample): WholeRow => ({
    sums: gram.sums.map((layer) => eachOf(KINDS, (kind) => layer[kind]?.[sample] ?? null)),
    norms: norms.layers.map((layer) => ofModules(layer, sample, (sums) => sums)),
    patterns: patterns.stats.map((samples) => samples && samples[sample]),
    massive: massive[sample],
    ranks: embedding && sample === 0 ? { embedding: effectiveRank(embedding, hidden), layers: ranks } : null,
  }));
}

/** Attention patterns on the blocks made for the published sink rate. */
export async function sinkRows(running: Running, blocks: Blocks): Promise<PatternsRow[]> {
  const probe = attentionStatsProbe(running.model.spec.layers, headMeans);
  await run(running, "sink rate", blocks, [noDrop], [probe]);
  return samplesOf(blocks, (sample) => probe.stats.map((samples) => samples && samples[sample]));
}

/** Smoothing under plans, the full model's first. */
export async function smoothingRows(running: Running, blocks: Blocks, plans: readonly DropPlan[]) {
  const { model, options } = running;
  const probe = smoothingProbe(model.spec.layers, blocks.length, plans.length);
  await run(running, "smoothing under drops", blocks, plans, [probe]);
  const embedding = await embeddingSmoothing(model, await engineOf(options), blocks);
  return samplesOf(blocks, (sample): SmoothingRow => ({
    embedding: finite(embedding[sample]),
    plans: probe.plans.map((layers) => layers.map((layer) => ofModules(layer, sample, finite))),
  }));
}

/** The plans of the effects on later layers: the full model, then every module dropped in turn. */
export function effectPlans({ layers }: ModelSpec): (DropPlan & { readonly dropped: number | null })[] {
  const drops = MODULES.flatMap((kind) =>
    layers.flatMap((layer, l) => layer[kind] ? [{ ...noDrop, [kind]: [l], dropped: l }] : [])
  );
  return [{ ...noDrop, dropped: null }, ...drops];
}

export async function effectsRows(running: Running, blocks: Blocks): Promise<EffectsRow[]> {
  const { spec } = running.model;
  const plans = effectPlans(spec).map(({ attention, mlp }) => ({ attention, mlp }));
  const probe = effectsProbe(spec.layers, plans.length, distances);
  await run(running, "effects on later layers", blocks, plans, [probe]);
  return samplesOf(
    blocks,
    (sample) => probe.plans.map((layers) => layers.map((layer) => ofModules(layer, sample, (sums) => sums))),
  );
}

/** Some samples of blocks, each cut to its first tokens. */
export function someOf(
  blocks: Blocks,
  { from, to, length = blocks.length }: Span & { readonly length?: number },
) {
  const ids = new Int32Array((to - from) * length);
  for (let sample = from; sample < to; sample++) {
    const start = sample * blocks.length;
    ids.set(blocks.ids.subarray(start, start + length), (sample - from) * length);
  }
  return { ids, samples: to - from, length };
}

function samplesOf<T>({ samples }: Blocks, of: (sample: number) => T): T[] {
  return Array.from({ length: samples }, (_, sample) => of(sample));
}

function ofModules<Seen, T>(
  layer: { readonly attention?: readonly Seen[]; readonly mlp?: readonly Seen[] },
  sample: number,
  of: (seen: Seen) => T,
): { attention: T | null; mlp: T | null } {
  const one = (seen: readonly Seen[] | undefined) => seen ? of(seen[sample]) : null;
  return eachOf(MODULES, (kind) => one(layer[kind]));
}

function finite(measures: Smoothing): SmoothingRow["embedding"] {
  const of = (value: number) => Number.isFinite(value) ? value : null;
  return eachOf(SMOOTHING_NAMES, (name) => of(measures[name]));
}

async function run(
  { model, options }: Running,
  stage: string,
  blocks: Blocks,
  plans: readonly DropPlan[],
  probes: readonly Probe[],
): Promise<void> {
  await pass(model, blocks, probes, options, { plans, onProgress: reporter(stage, "modules", options) });
}
