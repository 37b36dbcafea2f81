import { REPAIRS } from "core/measure/mod.ts";
import { z } from "zod";
import { depends, dropForm, indices, kind, provenanceForm, siteForm } from "core/result/mod.ts";

/** What a replacement depends on: where it was made, and for which plan. */
export const replacementOrigin = depends("by", "sequential", "plan", "layer", "module");

/** The kept solution of one site. */
export const replacementKind = kind("replacement", { method: 2, origin: replacementOrigin }, {
  provenance: provenanceForm,
  by: z.enum(REPAIRS),
  sequential: z.boolean(),
  /** The plan that is repaired; of a fit on the full model's stream, the dropped modules that the site makes up for. */
  plan: dropForm,
  ...siteForm.shape,
  /** Why nothing could be fitted there; absent where it could. */
  refused: z.string().optional(),
  /** Little-endian float32 in base64, by name. */
  tensors: z.record(z.string(), z.object({ shape: indices, data: z.base64() })).nullable(),
});
/** What a replacement is known by before it is made. */
export type ReplacementRequest = Pick<
  z.infer<typeof replacementKind.form>,
  "provenance" | "by" | "sequential" | "plan" | "layer" | "module"
>;
