/**
 * The form of the study of causes: what may make a module redundant, by layer (and head), next to its importance.
 *
 * Lists by layer [L] hold null where the checkpoint lacks the module or the measure is undefined. Means are over the
 * tokens or queries of a sample, then over samples; a standard error is over samples, null for a single one.
 */
import { z } from "zod";
import { eachOf } from "core/entry/mod.ts";
import {
  depends,
  dropForm,
  estimateForm,
  indices,
  kind,
  perLayer,
  provenanceForm,
  rankForm,
  updateMeans,
} from "core/result/mod.ts";
import { MODULES, PATTERN_NAMES, SMOOTHING_NAMES } from "core/measure/mod.ts";
import { updateSums } from "../profile/mod.ts";

/** What is correlated with importance: patterns (C5), the stream that a module reads (C6), the size of its update (C7). */
export const CAUSE_NAMES = [
  ...PATTERN_NAMES.filter((name) => name !== "entropy"),
  ...SMOOTHING_NAMES,
  "relativeMagnitude",
] as const;
export type CauseName = typeof CAUSE_NAMES[number];

/** By layer and head [L][H]. */
const perHead = z.array(z.array(z.number().nullable()).nullable());
const record = <K extends string, T extends z.ZodType>(names: readonly K[], of: T) =>
  z.record(z.enum(names), of);

/** What the two numbers of the sink are averaged over. */
const SINK_SCORE = "Share of a query's attention on the first token, by layer and head, " +
  "averaged over all queries of a sample (the first query, whose share is 1, included), then over samples";
const SINK_RATE =
  "Share of sink scores above the threshold; each score is that of one head of a layer with softmax attention " +
  "in one sample, averaged over the queries; null without such a layer";

const curve = z.object({ mean: perLayer, standardError: perLayer });
const modules = z.object({
  ...updateMeans,
  /** mean |u| over tokens, and the standard deviation of |u| over tokens divided by that mean. */
  norm: perLayer,
  normSpread: perLayer,
});

const size = { samples: z.int().positive(), length: z.int().positive() };

/** What the numbers depend on besides the model and the text. */
const settings = z.object({
  /** The patterns use every k-th query. */
  queryStride: z.int().positive(),
  /** How many modules of one kind are dropped, by importance, when smoothing is measured under drops. */
  drops: indices,
  /** Blocks on which the published sink rate is measured, without BOS. */
  sink: z.object({ ...size, threshold: z.number() }),
  /** Samples, and tokens per sample, on which effects on later layers are measured; null if they were not measured. */
  effects: z.object(size).nullable(),
});

/** Smoothing by depth with modules dropped: at the input of layer 0, after attention, after the layer's MLP. */
const smoothed = z.object({
  drop: dropForm,
  embedding: record(SMOOTHING_NAMES, z.number().nullable()),
  attention: record(SMOOTHING_NAMES, curve),
  mlp: record(SMOOTHING_NAMES, curve),
  /** The mean cosine after the last layer less the full model's, paired by sample; null in older results. */
  change: estimateForm.default(null),
});
export type Smoothed = z.infer<typeof smoothed>;

/** How far the updates of layer l move when module s is dropped: ‖u_l − u_l^full‖ / ‖u_l^full‖ [s][l], null for l ≤ s. */
const effects = z.object({ attention: z.array(perLayer), mlp: z.array(perLayer) });

const correlation = z.object({
  module: z.enum(MODULES),
  cause: z.enum(CAUSE_NAMES),
  /** The cause by layer: a pattern's mean over heads, or the smoothing of the stream that the module reads. */
  values: perLayer,
  /** The correlation with importance. */
  ...rankForm,
  layers: z.int().nonnegative(),
});
export type CauseCorrelation = z.infer<typeof correlation>;

/** A state of a token; the layer is the one that outputs it. */
const place = eachOf(["layer", "position", "dimension"], () => z.int().nonnegative());

const massive = z.object({
  ...place,
  /** The value of largest magnitude over samples. */
  value: z.number(),
  /** How many samples have a massive activation there. */
  samples: z.int().positive(),
  /** What writes the activation: of the modules up to that layer, the one that moves it most once it is massive, and by how much in a sample. */
  writer: z.object({ module: z.enum(MODULES), layer: z.int().nonnegative(), added: z.number() }).nullable(),
});
export type MassiveActivation = z.infer<typeof massive>;

/** exp(−Σ p ln p) of the first sample's singular values, where min(T, D) ≤ 1024. */
const effectiveRank = z.object({ embedding: z.number().nullable(), layers: perLayer });

export const causesKind = kind("causes", { method: 1, origin: depends() }, {
  provenance: provenanceForm.extend({ causes: settings }),
  tokens: z.int().positive(),
  /** The model's norm placement. */
  norm: z.enum(["pre", "peri", "post"]),
  /** mean |x| at the input of each layer. */
  streamNorm: perLayer,
  attention: modules,
  mlp: modules,
  /** Means of each head. */
  patterns: record(PATTERN_NAMES, perHead),
  /** Of the first token as published, on the blocks that the settings name. */
  sink: z.object({ score: perHead.describe(SINK_SCORE), rate: z.number().nullable().describe(SINK_RATE) }),
  /** The full model first. */
  smoothing: z.array(smoothed).min(1),
  effectiveRank,
  /** The largest of them, and how many places there are in all. */
  massive: z.object({ places: z.int().nonnegative(), largest: z.array(massive) }),
  /** Effects of a dropped attention module and of a dropped MLP, on both kinds of later updates. */
  effects: z.object({ attention: effects, mlp: effects }).nullable(),
  correlations: z.array(correlation),
});
/** Patterns, smoothing, magnitudes, and how each correlates with importance. */
export type Causes = z.infer<typeof causesKind.form>;

const ofModules = <T extends z.ZodType>(form: T) =>
  z.object({ attention: form.nullable(), mlp: form.nullable() });

/** Sums over the tokens of a sample of |u| and |u|². */
const normSums = z.object({ tokens: z.number(), norm: z.number(), square: z.number() });
/** By layer: means over the queries of a sample, by head [H]; null for a layer without attention. */
const patternsForm = z.array(z.record(z.enum(PATTERN_NAMES), z.array(z.number().nullable())).nullable());
/** A measure is null where it is not a number. */
const smoothingForm = z.record(z.enum(SMOOTHING_NAMES), z.number().nullable());
const effectSums = z.object({ difference: z.number(), reference: z.number() });

/** The full model. */
const wholeRow = z.object({
  /** By layer [L]. */
  sums: z.array(ofModules(updateSums).extend({ block: updateSums.nullable() })),
  norms: z.array(ofModules(normSums)),
  patterns: patternsForm,
  massive: z.array(z.object({
    ...place,
    value: z.number(),
    /** What the layer's modules add to it. */
    added: z.object({ attention: z.number().optional(), mlp: z.number().optional() }),
  })),
  /** Of the study's first sample alone. */
  ranks: effectiveRank.nullable(),
});
export type WholeRow = z.infer<typeof wholeRow>;

/** By plan and layer. */
const smoothingRow = z.object({
  embedding: smoothingForm,
  plans: z.array(z.array(ofModules(smoothingForm))),
});
export type SmoothingRow = z.infer<typeof smoothingRow>;

const effectsRow = z.array(z.array(ofModules(effectSums)));
export type EffectsRow = z.infer<typeof effectsRow>;
export type PatternsRow = z.infer<typeof patternsForm>;

export const rowsKind = kind("rows", { method: 1, origin: depends("of", "from", "to", "plans") }, {
  provenance: causesKind.form.shape.provenance,
  of: z.enum(["whole", "sink", "effects", "smoothing"]),
  from: z.int().nonnegative(),
  to: z.int().positive(),
  /** The plans of smoothing. */
  plans: z.array(dropForm),
  /** By sample, of the part that is named; the others are empty. */
  whole: z.array(wholeRow),
  sink: z.array(patternsForm),
  effects: z.array(effectsRow),
  smoothing: z.array(smoothingRow),
});
/** Samples [from, to) of a part of the study of causes. */
export type Rows = z.infer<typeof rowsKind.form>;
