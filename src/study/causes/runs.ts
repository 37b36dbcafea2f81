/** The runs that the study of causes consists of, each a choice of blocks, plans and probes. */
import { effectiveRank, type Massive, massiveActivations } from "../../measure/mod.ts";
import type { Model, ModelSpec } from "../../models/mod.ts";
import {
  type Causes,
  type MassiveActivation,
  type Profile,
  profileOf,
  type Provenance,
} from "../../result/mod.ts";
import {
  attentionStatsProbe,
  type Blocks,
  type DropPlan,
  effectsProbe,
  embed,
  embeddingSmoothing,
  gramProbe,
  type ModuleKind,
  noDrop,
  normsProbe,
  type Probe,
  smoothingProbe,
  streamProbe,
} from "../../run/mod.ts";
import { effectRow, headMeans, patternMeans, sinkOf, smoothedOf, updateNorms } from "./means.ts";
import { engineOf, reporter, type StudyOptions } from "../options.ts";
import { pass } from "../pass.ts";
import { rank } from "../plan.ts";

/** A model over blocks of text, and where its numbers come from. */
export interface Subject {
  readonly model: Model;
  readonly blocks: Blocks;
  /** Blocks of the published length, for the sink rate. */
  readonly sinkBlocks: Blocks;
  readonly origin: Provenance;
  readonly label: string;
  readonly options: StudyOptions;
}

/** Places of massive activations that the result lists. */
const MASSIVE_LISTED = 50;

/** Importances, patterns, massive activations and effective ranks of the full model, in one pass. */
export async function wholeModel(subject: Subject, stride: number) {
  const { model, blocks, origin } = subject;
  const { layers, hidden } = model.spec;
  const gram = gramProbe(layers);
  const norms = normsProbe(layers.length);
  const patterns = attentionStatsProbe(layers, headMeans, { stride });
  const places = new Map<string, MassiveActivation>();
  const ranks = layers.map((): number | null => null);
  const streams = streamProbe((layer, sample, states) => {
    for (const found of massiveActivations(states, hidden)) gather(places, layer, found);
    if (sample === 0) ranks[layer] = effectiveRank(states, hidden);
  });
  await run(subject, "full model", blocks, [noDrop], [gram, norms, patterns, streams]);
  const sums = (kind: ModuleKind) => gram.sums.map((layer) => layer[kind] ?? null);
  const bySize = [...places.values()].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const first = await embed(model, await engineOf(subject.options), blocks.ids.subarray(0, blocks.length));
  const profile = profileOf(origin, { attention: sums("attention"), mlp: sums("mlp"), block: sums("block") });
  const moduleMeans = (kind: "attention" | "mlp"): Causes["attention"] => {
    const { importance, relativeMagnitude, sign } = profile[kind];
    return { importance, relativeMagnitude, sign, ...updateNorms(norms.layers, kind) };
  };
  return {
    profile,
    attention: moduleMeans("attention"),
    mlp: moduleMeans("mlp"),
    patterns: patternMeans(patterns.stats),
    massive: { places: places.size, largest: bySize.slice(0, MASSIVE_LISTED) },
    effectiveRank: { embedding: effectiveRank(first, hidden), layers: ranks },
  };
}

function gather(
  places: Map<string, MassiveActivation>,
  layer: number,
  { position, dimension, value }: Massive,
): void {
  const key = `${layer} ${position} ${dimension}`;
  const known = places.get(key);
  const largest = known && Math.abs(known.value) > Math.abs(value) ? known.value : value;
  places.set(key, { layer, position, dimension, value: largest, samples: (known?.samples ?? 0) + 1 });
}

/** The sink rate, on the blocks made for it. */
export async function sinkRate(
  subject: Subject,
  threshold: number,
): Promise<Causes["sink"]> {
  const probe = attentionStatsProbe(subject.model.spec.layers, headMeans);
  await run(subject, "sink rate", subject.sinkBlocks, [noDrop], [probe]);
  return sinkOf(probe.stats, threshold);
}

/** Smoothing of the full model, then without the n least important of each kind, for each n above 0. */
export async function smoothingUnder(
  subject: Subject,
  profile: Profile,
  drops: readonly number[],
): Promise<Causes["smoothing"]> {
  const { model, blocks, options } = subject;
  const lowest = (kind: "attention" | "mlp", n: number) =>
    rank(profile, kind).slice(0, n).map(({ layer }) => layer).sort((a, b) => a - b);
  const some = drops.filter((n) => n > 0);
  const plans: DropPlan[] = [
    noDrop,
    ...some.map((n) => ({ ...noDrop, attention: lowest("attention", n) })),
    ...some.map((n) => ({ ...noDrop, mlp: lowest("mlp", n) })),
  ];
  const probe = smoothingProbe(model.spec.layers, blocks.length, plans.length);
  await run(subject, "smoothing under drops", blocks, plans, [probe]);
  const embedding = await embeddingSmoothing(model, await engineOf(options), blocks);
  return plans.map((plan, i) => smoothedOf(plan, embedding, probe.plans[i]));
}

/** Every module dropped in turn: how far the updates of later layers move. On the first tokens of the first samples. */
export async function laterEffects(
  subject: Subject,
  part: { samples: number; length: number },
): Promise<NonNullable<Causes["effects"]>> {
  const { layers }: ModelSpec = subject.model.spec;
  const drops = (["attention", "mlp"] as const).flatMap((kind) =>
    layers.flatMap((layer, s) => layer[kind] ? [{ kind, s }] : [])
  );
  const plans = drops.map(({ kind, s }): DropPlan => ({ ...noDrop, [kind]: [s] }));
  const probe = effectsProbe(layers.length, plans.length + 1);
  await run(subject, "effects on later layers", firstOf(subject.blocks, part), [noDrop, ...plans], [probe]);
  const matrix = (dropped: "attention" | "mlp", moved: "attention" | "mlp") =>
    layers.map((_, s) => {
      const plan = drops.findIndex((drop) => drop.kind === dropped && drop.s === s);
      return plan < 0 ? layers.map(() => null) : effectRow(s, probe.plans[plan + 1], moved);
    });
  const of = (dropped: "attention" | "mlp") => ({
    attention: matrix(dropped, "attention"),
    mlp: matrix(dropped, "mlp"),
  });
  return { attention: of("attention"), mlp: of("mlp") };
}

function firstOf(blocks: Blocks, { samples, length }: { samples: number; length: number }): Blocks {
  const ids = new Int32Array(samples * length);
  for (let i = 0; i < samples; i++) {
    ids.set(blocks.ids.subarray(i * blocks.length, i * blocks.length + length), i * length);
  }
  return { ids, samples, length };
}

async function run(
  { model, options }: Subject,
  stage: string,
  blocks: Blocks,
  plans: readonly DropPlan[],
  probes: readonly Probe[],
): Promise<void> {
  const onProgress = reporter(stage, "modules", options);
  await pass(model, blocks, probes, options, { plans, onProgress });
}
