/** From what each sample showed to the result of the study of causes. Pure. */
import { type LayerModule, type ModuleKind, MODULES } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import { sizesOf } from "../../subject/mod.ts";
import {
  type Causes,
  type EffectsRow,
  head,
  type MassiveActivation,
  type PredictabilityRow,
  type Profile,
  profileOf,
  type Rows,
  type WholeRow,
} from "../../result/mod.ts";
import { type DropPlan, noDrop } from "../../run/mod.ts";
import { rank } from "../orders/rank.ts";
import { shapeOf } from "../untrained/random_init.ts";
import { correlationsOf } from "./correlations.ts";
import { effectRow, patternMeans, sinkOf, smoothedOf, updateNorms } from "./means.ts";
import { sharesByLayer } from "./predictability.ts";
import { effectPlans } from "./runs.ts";

/** The rows of every part of the study, sample by sample; those of effects and of predictability are empty where they were not measured. */
export type AllRows = Pick<Rows, "whole" | "sink" | "effects" | "smoothing" | "predictability">;

/** Places of massive activations that the result lists. */
const MASSIVE_LISTED = 50;

/** The profile that the samples of the full model are. */
export function profileIn(
  spec: ModelSpec,
  provenance: Causes["provenance"],
  whole: readonly WholeRow[],
): Profile {
  const sums = (kind: ModuleKind) =>
    whole[0].sums.map((first, l) => first[kind] && whole.map((row) => row.sums[l][kind]!));
  const own = { attention: sums("attention"), mlp: sums("mlp"), block: sums("block") };
  return profileOf(provenance, own, sizesOf(spec));
}

/** The plans under which smoothing is measured: the full model, then without the n least important of each kind, for each n above 0. */
export function smoothingPlans(profile: Profile, drops: readonly number[]): DropPlan[] {
  const lowest = (kind: LayerModule, n: number) =>
    rank(profile, { target: kind }).slice(0, n).map(({ layer }) => layer).sort((a, b) => a - b);
  const some = drops.filter((n) => n > 0);
  return [
    noDrop,
    ...some.map((n) => ({ ...noDrop, attention: lowest("attention", n) })),
    ...some.map((n) => ({ ...noDrop, mlp: lowest("mlp", n) })),
  ];
}

/** The result, but for predictability. */
export function assemble(spec: ModelSpec, provenance: Causes["provenance"], rows: AllRows): Causes {
  const { whole, sink, smoothing, effects } = rows;
  const profile = profileIn(spec, provenance, whole);
  const { drops, sink: { threshold } } = provenance.causes;
  const moduleMeans = (kind: LayerModule): Causes["attention"] => {
    const { standardError: _, ...means } = profile[kind];
    return { ...means, ...updateNorms(whole, kind) };
  };
  const measured = {
    attention: moduleMeans("attention"),
    mlp: moduleMeans("mlp"),
    patterns: patternMeans(whole.map(({ patterns }) => patterns)),
    massive: massiveIn(whole),
    effectiveRank: whole[0].ranks!,
    sink: sinkOf(sink, threshold),
    smoothing: smoothingPlans(profile, drops).map((plan, i) => smoothedOf(plan, i, smoothing)),
    effects: effects.length > 0 ? effectsIn(spec, effects) : null,
  };
  return {
    ...head("causes"),
    provenance,
    tokens: provenance.packing.samples * provenance.packing.length,
    norm: shapeOf(spec).norm,
    streamNorm: profile.streamNorm,
    ...measured,
    correlations: correlationsOf(measured, spec.layers),
  };
}

/** A result with predictability beside all else; nulls without a row, which too few tokens do not give. */
export function withPredictability(
  spec: ModelSpec,
  provenance: Causes["provenance"],
  result: Causes,
  row: PredictabilityRow | undefined,
): Causes {
  const predictability = sharesByLayer(row, spec);
  const correlations = correlationsOf({ ...result, predictability }, spec.layers);
  return { ...result, provenance, predictability, correlations };
}

function massiveIn(whole: readonly WholeRow[]): Causes["massive"] {
  const places = new Map<string, MassiveActivation>();
  const all = whole.flatMap(({ massive }) => massive).sort((a, b) => a.layer - b.layer);
  const writers = new Map<string, MassiveActivation["writer"]>(); // so far, of a token's dimension
  for (const { layer, position, dimension, value, added } of all) {
    const state = `${position} ${dimension}`;
    const moved = MODULES.flatMap((module) => ({ module, layer, added: added[module] ?? 0 }));
    const writer = [writers.get(state) ?? null, ...moved].reduce((most, next) =>
      Math.abs(next!.added) > Math.abs(most?.added ?? 0) ? next : most
    );
    writers.set(state, writer);
    const key = `${layer} ${state}`;
    const known = places.get(key);
    const largest = known && Math.abs(known.value) > Math.abs(value) ? known.value : value;
    const samples = (known?.samples ?? 0) + 1;
    places.set(key, { layer, position, dimension, value: largest, samples, writer });
  }
  const order = (a: MassiveActivation, b: MassiveActivation) =>
    Math.abs(b.value) - Math.abs(a.value) || a.layer - b.layer || a.position - b.position ||
    a.dimension - b.dimension;
  return { places: places.size, largest: [...places.values()].sort(order).slice(0, MASSIVE_LISTED) };
}

function effectsIn(spec: ModelSpec, rows: readonly EffectsRow[]): NonNullable<Causes["effects"]> {
  const plans = effectPlans(spec);
  const matrix = (dropped: LayerModule, moved: LayerModule) =>
    spec.layers.map((_, l) => {
      const plan = plans.findIndex((plan) => plan[dropped][0] === l);
      return plan < 0 ? spec.layers.map(() => null) : effectRow(l, plan, rows, moved);
    });
  const of = (dropped: LayerModule) => ({
    attention: matrix(dropped, "attention"),
    mlp: matrix(dropped, "mlp"),
  });
  return { attention: of("attention"), mlp: of("mlp") };
}
