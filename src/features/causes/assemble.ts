/** From what each sample showed to the result of the study of causes. Pure. */
import {
  KINDS,
  type LayerModule,
  meanIn,
  type ModuleKind,
  MODULES,
  rankAgreement,
  SMOOTHING_NAMES,
  type SmoothingName,
} from "core/measure/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import { sizesOf } from "core/subject/mod.ts";
import {
  CAUSE_NAMES,
  type CauseCorrelation,
  type CauseName,
  type Causes,
  causesKind,
  type EffectsRow,
  type MassiveActivation,
  type Rows,
  type WholeRow,
} from "./result.ts";
import { head } from "core/result/mod.ts";
import { type Profile, profileOf } from "../profile/mod.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import { rank } from "../orders/mod.ts";
import { shapeOf } from "../untrained/mod.ts";
import { effectRow, patternMeans, sinkOf, smoothedOf, updateNorms } from "./means.ts";
import { effectPlans } from "./runs.ts";
import { eachOf } from "core/entry/mod.ts";

/** The rows of every part of the study, sample by sample; those of effects are empty where they were not measured. */
export type AllRows = Pick<Rows, "whole" | "sink" | "effects" | "smoothing">;

const MASSIVE_LISTED = 50;

/** The profile that the samples of the full model are. */
export function profileIn(spec: ModelSpec, provenance: Causes["provenance"], whole: readonly WholeRow[]) {
  const sums = (kind: ModuleKind) =>
    whole[0].sums.map((first, l) => first[kind] && whole.map((row) => row.sums[l][kind]!));
  return profileOf(provenance, eachOf(KINDS, sums), sizesOf(spec));
}

/** The plans under which smoothing is measured: the full model, then without the n least important of each kind, for each n above 0. */
export function smoothingPlans(profile: Profile, drops: readonly number[]): DropPlan[] {
  const lowest = (kind: LayerModule, n: number) =>
    rank(profile, { target: kind }).slice(0, n).map(({ layer }) => layer).sort((a, b) => a - b);
  return plansWithout(drops, lowest);
}

/** As many plans, which drop the deepest modules instead of the least important ones. */
export function deepestPlans({ layers }: ModelSpec, drops: readonly number[]): DropPlan[] {
  return plansWithout(drops, (_, n) => layers.map((_, l) => l).slice(-n));
}

/** The full model, then without some of each kind, for each number above 0. */
function plansWithout(drops: readonly number[], of: (kind: LayerModule, n: number) => number[]): DropPlan[] {
  const some = drops.filter((n) => n > 0);
  return [noDrop, ...MODULES.flatMap((kind) => some.map((n) => ({ ...noDrop, [kind]: of(kind, n) })))];
}

export function assemble(spec: ModelSpec, provenance: Causes["provenance"], rows: AllRows): Causes {
  const { whole, sink, smoothing, effects } = rows;
  const profile = profileIn(spec, provenance, whole);
  const { drops, sink: { threshold } } = provenance.causes;
  const modules = eachOf(MODULES, (kind): Causes["attention"] => {
    const { standardError: _, ...means } = profile[kind];
    return { ...means, ...updateNorms(whole, kind) };
  });
  const measured = {
    ...modules,
    patterns: patternMeans(whole.map(({ patterns }) => patterns)),
    massive: massiveIn(whole),
    effectiveRank: whole[0].ranks!,
    sink: sinkOf(sink, threshold),
    smoothing: smoothingPlans(profile, drops).map((plan, i) => smoothedOf(plan, i, smoothing)),
    effects: effects.length > 0 ? effectsIn(spec, effects) : null,
  };
  return {
    ...head(causesKind),
    provenance,
    tokens: provenance.packing.samples * provenance.packing.length,
    norm: shapeOf(spec).norm,
    streamNorm: profile.streamNorm,
    ...measured,
    correlations: correlationsOf(measured, spec.layers),
  };
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
  return eachOf(MODULES, (dropped) => eachOf(MODULES, (moved) => matrix(dropped, moved)));
}

type Measured = Pick<Causes, "attention" | "mlp" | "patterns" | "smoothing">;

/**
 * How each cause correlates with importance over the layers of a model (Spearman). Attention: its pattern (means over heads, claim C5), how
 * similar the tokens are that it reads (C6), and the size of its update relative to the stream (C7). The MLP: the same without patterns.
 */
function correlationsOf(measured: Measured, layers: ModelSpec["layers"]): CauseCorrelation[] {
  return MODULES.flatMap((module) =>
    CAUSE_NAMES.flatMap((cause) => {
      const values = causeByLayer(measured, layers, module, cause);
      if (!values) return [];
      const { count, ...rank } = rankAgreement(values, measured[module].importance);
      return [{ module, cause, values: [...values], ...rank, layers: count }];
    })
  );
}

/** A cause's value for each layer's module [L], or null where the module has no such cause. */
function causeByLayer(
  { patterns, smoothing: [full], ...modules }: Measured,
  layers: ModelSpec["layers"],
  module: LayerModule,
  cause: CauseName,
): (number | null)[] | null {
  if (cause === "relativeMagnitude") return modules[module].relativeMagnitude;
  if (isSmoothing(cause)) { // of the stream that a module reads: what the modules before it left
    let stream = full.embedding[cause];
    return layers.map(({ residual }, l) => {
      const [entering, between] = [stream, full.attention[cause].mean[l]];
      stream = full.mlp[cause].mean[l] ?? between ?? stream;
      return module === "mlp" && residual === "sequential" ? between ?? entering : entering;
    });
  }
  if (module === "mlp") return null;
  return patterns[cause].map((heads) => meanIn(heads ?? []));
}

function isSmoothing(cause: CauseName): cause is SmoothingName {
  return (SMOOTHING_NAMES as readonly string[]).includes(cause);
}
