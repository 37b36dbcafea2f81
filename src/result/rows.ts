/** What the study of causes sees of each sample: kept where the study is divided over machines, and joined to its means. */
import { z } from "zod";
import { PATTERN_NAMES, SMOOTHING_NAMES } from "../measure/mod.ts";
import { causesForm } from "./causes.ts";
import { updateSums } from "./profile.ts";
import { dropForm } from "./plan.ts";
import { headForm, perLayer } from "./provenance.ts";

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
    layer: z.int().nonnegative(),
    position: z.int().nonnegative(),
    dimension: z.int().nonnegative(),
    value: z.number(),
  })),
  /** Of the study's first sample alone. */
  ranks: z.object({ embedding: z.number().nullable(), layers: perLayer }).nullable(),
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

/** Samples [from, to) of a part of the study. */
export const rowsForm = z.object({
  ...headForm("rows"),
  provenance: causesForm.shape.provenance,
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
/** Some samples of a part of the study of causes. */
export type Rows = z.infer<typeof rowsForm>;
