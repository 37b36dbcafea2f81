/** The form of the study of generation: how far predictions lie apart while a model writes, and over the options of a task. */
import { z } from "zod";
import { kind } from "../kind.ts";
import { PREDICTION_MEASURES } from "../../measure/mod.ts";
import { dropForm, estimateForm, type Provenance, provenanceForm, sharedForm } from "./provenance.ts";

const byStep = z.array(z.number());
const byStepOrNull = z.array(z.number().nullable());

/** By step of one text, before each written token; the texts' shorter one decides how many. */
const textForm = z.object({
  /** Cosine of the hidden states that the head reads, and of the logits; null where one side is zero. */
  hidden: byStepOrNull,
  logits: byStepOrNull,
  /** KL(p‖p′) in nats, and Var_p(Δz) / 2T². */
  kl: byStep,
  variance: byStep,
  /** 1 − cos(p, p′), and Var_r(Δz) / 2T² with r ∝ p². */
  distance: byStep,
  squares: byStep,
});
/** How far predictions lie apart at each step of one text. */
export type TextChanges = z.infer<typeof textForm>;

/** A plan beside the full model: on one text, or each on its own. */
const besideForm = z.object({
  /** By step [N]: means over the texts that reach it, of three cosines. */
  steps: z.array(z.object({
    texts: z.int().nonnegative(),
    hidden: estimateForm,
    logits: estimateForm,
    probabilities: estimateForm,
  })),
  /** Over all steps of all texts. */
  means: z.record(z.enum(PREDICTION_MEASURES), estimateForm),
  /** Of the lines of least squares through the origin: of `kl` against `variance`, and of `distance` against `squares`. */
  slopes: z.object({ kl: estimateForm, distance: estimateForm }),
  /** By prompt. */
  texts: z.array(textForm),
});

/** The token in which the options of each document part: over all tokens, and over those of the options alone. */
const choicesForm = z.object({
  vocabulary: z.record(z.enum(PREDICTION_MEASURES), estimateForm),
  options: z.object({
    kl: estimateForm,
    variance: estimateForm,
    distance: estimateForm,
    squares: estimateForm,
  }),
  /** The share of documents with the same most probable token, and with the same most probable option. */
  sameToken: estimateForm,
  sameOption: estimateForm,
});

const generationFields = {
  provenance: provenanceForm,
  /** Tokens that are written at most. */
  tokens: z.int().positive(),
  /** T. */
  temperature: z.number().positive(),
  /** What the full model wrote, by prompt; a text is shorter where it ended. */
  ids: z.array(z.array(z.int().nonnegative())),
  /** The task whose options are looked at, and its documents; those whose options do not part are left out. */
  task: z.object({
    name: z.string(),
    hash: z.string(),
    documents: z.int().positive(),
    leftOut: z.int().nonnegative(),
  }).nullable(),
  /**
   * The full model on the text of each prompt beside itself on that of the next: what texts that have nothing to do with each other have in
   * common at the same step. Null for a single prompt.
   */
  unrelated: besideForm.nullable(),
  plans: z.array(z.object({
    drop: dropForm,
    /** What the plan wrote, by prompt. */
    ids: z.array(z.array(z.int().nonnegative())),
    /** Both read the full model's text. */
    forced: besideForm,
    /** Each reads its own. */
    free: besideForm,
    /** By step [N]: the share of prompts after which both have written the same tokens so far, this one included. */
    same: z.array(z.number()),
    choices: choicesForm.nullable(),
  })),
  /** What the text shares with the plans' calibration texts; absent where nothing is known to be shared. */
  shared: sharedForm.optional(),
};
type GenerationFields = z.infer<z.ZodObject<typeof generationFields>>;

/** What a study of generation depends on: the plans, how much they write, and the task. */
export function generationOrigin(
  { provenance, tokens, temperature, task, plans }: GenerationRequest,
): Provenance & Omit<GenerationRequest, "provenance"> {
  return { ...provenance, tokens, temperature, task, plans: plans.map(({ drop }) => ({ drop })) };
}
/** What it is known by before it is made. */
export type GenerationRequest =
  & Pick<GenerationFields, "provenance" | "tokens" | "temperature" | "task">
  & { readonly plans: readonly Pick<GenerationFields["plans"][number], "drop">[] };

export const generationKind = kind("generation", {
  method: 1,
  noun: "result of generation",
  origin: generationOrigin,
}, generationFields);
/** How far plans lie from the full model while they write. */
export type Generation = z.infer<typeof generationKind.form>;
