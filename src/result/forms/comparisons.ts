/** The forms of comparisons: two profiles, two logs of lm-eval. */
import { z } from "zod";
import { kind } from "../kind.ts";
import { differenceForm } from "./evaluation.ts";
import { byKind, computedForm } from "./provenance.ts";

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

export const compareKind = kind("compare", { method: 1 }, {
  models: z.tuple([z.string(), z.string()]),
  /** What computed each, where that differs: then the numbers do too. */
  computed: z.tuple([computedForm, computedForm]).optional(),
  ...byKind(agreement),
});
/** Two profiles side by side. */
export type Comparison = z.infer<typeof compareKind.form>;

/** A metric of a task over the documents that two models answered. */
const pairedForm = z.object({
  task: z.string(),
  /** What extracts the answers, as lm-eval names it. */
  filter: z.string(),
  metric: z.string(),
  /** Shares of right answers of the first and the second. */
  accuracy: z.tuple([z.number(), z.number()]),
  /** Their standard errors as lm-eval has them; null for one document. */
  stderr: z.tuple([z.number().nullable(), z.number().nullable()]),
  /** Documents that only the second answers right, and only the first. */
  gained: z.int().nonnegative(),
  lost: z.int().nonnegative(),
  /** p of McNemar's exact test: how likely flips are as one-sided if both models are equally accurate. */
  mcnemar: z.number(),
  change: differenceForm,
});

export const samplesKind = kind("samples", { method: 1 }, {
  /** Names of the files or folders. */
  names: z.tuple([z.string(), z.string()]),
  tasks: z.array(pairedForm).min(1),
  /** The mean over tasks, of each task's acc_norm or else its first metric; null for one task. */
  average: differenceForm.nullable(),
  /** By task, what was left out: documents that only one has, metrics that are no mean of right answers; and documents whose prompts differ. */
  apart: z.record(
    z.string(),
    z.object({
      only: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
      prompts: z.int().nonnegative(),
      metrics: z.array(z.string()),
    }),
  ),
});
/** Two models' answers to the same documents, as lm-eval logged them. */
export type SamplesComparison = z.infer<typeof samplesKind.form>;

/** What a task is called beside its other filters: "gsm8k strict-match"; "piqa" where nothing extracts the answers. */
export const samplesName = (
  { task, filter = "none" }: { readonly task: string; readonly filter?: string },
): string => filter === "none" ? task : `${task} ${filter}`;
