/** The form of a verification: a profile's drop orders beside those of the paper's official code. */
import { z } from "zod";
import { indices } from "./plan.ts";
import { headForm, perLayer, provenanceForm } from "./provenance.ts";

/** One kind of module: our order beside the official one. */
export const agreementForm = z.object({
  importance: perLayer,
  standardError: perLayer,
  /** All layers that have the module, least important first. */
  order: indices,
  /** For each module that the official order lists: whether the samples cannot separate it from the next. */
  tied: z.array(z.boolean()),
  /** As far as it is known, most redundant first. */
  official: indices,
  /** Share of layers in common among the first n of each, for n = 1 … as many as are known. */
  overlap: z.array(z.number()),
  /** Spearman's correlation of importance with the official rank, over the layers whose rank is known; null where one does not vary. */
  rankCorrelation: z.number().nullable(),
});
/** One kind of module: Lamina's order compared with the official one. */
export type OrderAgreement = z.infer<typeof agreementForm>;

/** A model of the paper, its drop orders measured anew. */
export const verifyForm = z.object({
  ...headForm("verify"),
  /** Whose official orders these are: "mistral-7b". */
  paper: z.string(),
  /** The model and the text that were measured. */
  provenance: provenanceForm,
  tokens: z.int().positive(),
  attention: agreementForm,
  mlp: agreementForm,
  block: agreementForm,
});
/** The drop orders of one of the paper's models, compared with the official ones. */
export type Verification = z.infer<typeof verifyForm>;
