/** The forms of reports that are not measurements: what a model writes, and what a machine can run. */
import { z } from "zod";
import { dropForm } from "./plan.ts";
import { computedForm, headForm, modelForm } from "./provenance.ts";

/** What a model writes under each of several plans. */
export const generateForm = z.object({
  ...headForm("generate"),
  model: modelForm,
  /** Results of earlier versions do not say it. */
  computed: computedForm.optional(),
  prompt: z.string(),
  texts: z.array(z.object({
    plan: dropForm,
    ids: z.array(z.int().nonnegative()),
    /** Without the prompt and the token that ended it. */
    text: z.string(),
    ended: z.enum(["eos", "length"]),
  })),
});

/** What a machine can run. */
export const doctorForm = z.object({
  ...headForm("doctor"),
  /** Whether everything required is there. */
  works: z.boolean(),
  findings: z.array(z.object({
    part: z.string(),
    works: z.boolean(),
    needed: z.boolean(),
    found: z.string(),
    /** How to get it, if it does not work. */
    remedy: z.string().optional(),
  })),
});
