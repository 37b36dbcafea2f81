/** The forms of evaluations: what a model makes of benchmark tasks, document by document. */
import { z } from "zod";
import { eachOf } from "core/entry/mod.ts";
import { byForm, depends, endsForm, kind, provenanceForm, sharedForm, targetForm } from "core/result/mod.ts";
import { REPAIRS, VERDICTS } from "core/measure/mod.ts";

/** What decides what a task asks. */
const settingForm = z.object({
  /** As lm-eval 0.4.13 names and counts it. */
  name: z.string(),
  version: z.string(),
  shots: z.int().nonnegative(),
  bos: z.enum(["tokenizer", "never", "always"]),
  /** Of the stream that shots are drawn from. */
  seed: z.int().nonnegative(),
});

/** The numbers that a task may report. */
const METRICS = ["acc", "acc_norm", "perplexity", "strict", "flexible"] as const;
const sharesForm = eachOf(METRICS, () => z.number().optional());

/** What came of one document. */
const itemForm = z.object({
  /** Its place in the split. */
  index: z.int().nonnegative(),
  /** SHA-256 of the first request's context: lm-eval's prompt_hash. */
  hash: z.string(),
  /** Nats, of each choice; of the target alone where there is one. */
  loglikelihoods: z.array(z.number()),
  /** Whether each is what greedy decoding would write. */
  greedy: z.array(z.boolean()),
  tokens: z.array(z.int().positive()),
  /** What it contributes to each metric of the task; to a perplexity its log-likelihood. */
  ...sharesForm,
  /** The right choice, if choices are scored. */
  gold: z.int().nonnegative().nullable(),
  /** What was written, if text is generated. */
  text: z.string().nullable(),
  /** Sums over the scored tokens: nats from the full model, and tokens with its first choice. */
  kl: z.number(),
  top1: z.number(),
  /** Tokens cut from the left of its requests. */
  cut: z.int().nonnegative(),
});

/** Some documents of a task, as they are kept between runs; the first of them where text is written and the run was ended. */
export const taskKind = kind("task", { method: 1, origin: depends("task") }, {
  provenance: provenanceForm,
  task: settingForm,
  items: z.array(itemForm),
});
/** Some documents of one task under one plan. */
export type TaskPart = z.infer<typeof taskKind.form>;

/** What a plan writes after the beginnings of texts, as it is kept between runs: ids, of the first prompts if it was ended. */
export const writtenKind = kind("written", { method: 1, origin: depends("tokens") }, {
  provenance: provenanceForm,
  /** Tokens that are written at most. */
  tokens: z.int().positive(),
  texts: z.array(z.array(z.int().nonnegative())),
});

/** How a plan's number differs from the full model's, over the same documents. */
const differenceForm = z.object({
  difference: z.number(),
  /** The 95 % interval, by an exact test of the answers that changed (measure/statistics/paired.ts); over tasks as measure/statistics/change.ts says. */
  low: z.number(),
  high: z.number(),
  /** p of two one-sided tests: below 0.05, the two are equal but for `margin`. */
  equivalence: z.number(),
  margin: z.number(),
  /**
   * Whether they are equal but for `margin`: "cannot tell" where the documents do not show either. Where they were asked in rounds: whether
   * no more than `margin` is lost, and `equivalence` is the p value of its opposite.
   */
  verdict: z.enum(VERDICTS),
  /** Documents of all its tasks. */
  n: z.int().positive(),
});

/**
 * How sure a number is, and how it differs from the full model's. The interval is Wilson's for a share; of a mean over documents by
 * Student's t, where a single document has none.
 */
const errorForm = {
  /** The standard error as lm-eval has it: 0 where all answers are right, or none; null for one document. */
  stderr: z.number().nullable(),
  ...endsForm,
  /** Null for the full model, and for a perplexity. */
  against: differenceForm.nullable(),
};

/** The share of answers that are the full model's, right or wrong, with its 95 % interval; null for the full model and for a perplexity. */
const keptForm = z.object({ value: z.number(), low: z.number(), high: z.number() }).nullable();

const metricForm = z.object({ value: z.number(), ...errorForm, kept: keptForm });

/** The mean log-probability of the right answers, in nats, beside the full model's; null where answers are written. */
const logprobForm = z.object({
  value: z.number(),
  ...endsForm,
  /** Null for the full model. */
  against: z.object({ difference: z.number(), ...endsForm }).nullable(),
}).nullable();

const evaluatedForm = z.object({
  version: z.string(),
  shots: z.int().nonnegative(),
  /** Documents that the plan answered; `items` has them. */
  n: z.int().positive(),
  /** Present where documents were asked in random order until all verdicts were known: how many there are, and the round in which each of `items` was asked (measure/statistics/rounds.ts). */
  drawn: z.object({ of: z.int().positive(), rounds: z.array(z.int().nonnegative()) }).optional(),
  /** The shares that the task reports, as plain numbers. */
  ...sharesForm,
  metrics: z.record(z.string(), metricForm),
  logprob: logprobForm,
  /** KL(p_full ‖ p_drop), nats per scored token, and the share of them with the full model's first choice. */
  kl: z.number().nullable(),
  top1: z.number().nullable(),
  /** Expected calibration error of the choices' shares, 15 bins; null for documents in rounds. */
  ece: z.number().nullable(),
  /** Mean number of choices in prediction sets that have the right one in 90 %; absent for few documents and those in rounds, and without choices. */
  sets: z.number().optional(),
  /** Documents that were longer than the context. */
  cut: z.int().nonnegative(),
  items: z.array(itemForm),
});

/** A group of tasks, over all their documents. */
const groupForm = z.object({
  tasks: z.array(z.string()),
  n: z.int().positive(),
  acc: z.number(),
  ...errorForm,
  kept: keptForm,
  logprob: logprobForm,
});

/** How a plan writes, next to the full model. */
const writingForm = z.object({
  prompts: z.int().positive(),
  tokens: z.int().positive(),
  /** Of each prompt, the first generated token that is not the full model's; null where there is none. */
  divergence: z.array(z.int().nonnegative().nullable()),
  /** Of each prompt, the share of generated 4-grams that were there before. */
  repetition: z.array(z.number()),
});

export const evaluateKind = kind("evaluate", { method: 2 }, {
  provenance: provenanceForm,
  bos: settingForm.shape.bos,
  seed: z.int().nonnegative(),
  tasks: z.record(z.string(), evaluatedForm),
  groups: z.record(z.string(), groupForm),
  /** The mean of the tasks' main numbers (groups count once), null where a suite is not whole. */
  average: z.object({ value: z.number(), of: z.array(z.string()), ...errorForm }).nullable(),
  writing: writingForm.nullable(),
  /** How the plan's modules were ordered, by what they were repaired, and how many there are; absent for lists of layers. */
  order: z.object({
    target: targetForm,
    by: byForm,
    seed: z.int().nullable(),
    repair: z.enum(REPAIRS).optional(),
    dropped: z.int().positive(),
  }).optional(),
  /** What each task shares with the plan's calibration texts; absent where nothing is known to be shared. */
  shared: sharedForm.optional(),
});
/** The scores of benchmark tasks under a plan. */
export type Evaluation = z.infer<typeof evaluateKind.form>;
