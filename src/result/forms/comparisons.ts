/** The forms of comparisons: two profiles, a profile and the official code's importance. */
import { z } from "zod";
import { kind } from "../kind.ts";
import { byKind, computedForm, perLayer, provenanceForm } from "./provenance.ts";

const agreement = z.object({
  /** Share of modules in common among the n least important of each, for n = 1 … L. */
  overlap: z.array(z.number()),
  /** Spearman's rank correlation of importance; null where one side does not vary. */
  rankCorrelation: z.number().nullable(),
  /** Largest absolute difference of importance. */
  largestDifference: z.number(),
});
/** How similarly two profiles rank one kind of module. */
export type Agreement = z.infer<typeof agreement>;

export const compareKind = kind("compare", { method: 1, noun: "comparison" }, {
  models: z.tuple([z.string(), z.string()]),
  /** What computed each, where that differs: then the numbers do too. */
  computed: z.tuple([computedForm, computedForm]).optional(),
  ...byKind(agreement),
});
/** Two profiles side by side. */
export type Comparison = z.infer<typeof compareKind.form>;

const officialDifference = z.object({
  /** 1 − mean cos(X, Y), of what is actually added to the stream. */
  importance: perLayer,
  /** The official code's. */
  official: perLayer,
  /** The official code's minus ours. */
  difference: perLayer,
  /** Spearman's rank correlation of the two over the layers; null where one side does not vary. */
  rankCorrelation: z.number().nullable(),
});
/** One kind of module by layer [L]: Lamina's importance and the official code's; null where the module is absent. */
export type OfficialDifference = z.infer<typeof officialDifference>;

export const againstKind = kind("against", { method: 1, noun: "comparison with llm-drop" }, {
  against: z.literal("llm-drop"),
  provenance: provenanceForm,
  /** Whether the definitions coincide for this model; nothing is then run for the official one. */
  same: z.boolean(),
  attention: officialDifference,
  mlp: officialDifference,
});
/** A profile compared with what the official code computes. */
export type AgainstLlmDrop = z.infer<typeof againstKind.form>;
