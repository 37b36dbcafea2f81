import { z } from "zod";
import { computedForm, dropForm, kind, modelForm } from "core/result/mod.ts";

/** What a model writes under each of several plans. */
export const generateKind = kind("generate", { method: 1 }, {
  model: modelForm,
  computed: computedForm,
  prompt: z.string(),
  /** Without the prompt and the token that ended it; `ended` at the end of the text, or at the maximum number of tokens. */
  texts: z.array(z.object({
    plan: dropForm,
    ids: z.array(z.int().nonnegative()),
    text: z.string(),
    ended: z.enum(["eos", "length"]),
  })),
});
/** The text of one plan, without the prompt and the token that ended it. */
export type Generated = z.infer<typeof generateKind.form>["texts"][number];
