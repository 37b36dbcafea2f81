/** The form of a map of paths: what running layers again, in another order or side by side costs. */
import { z } from "zod";
import { WAYS } from "../../measure/mod.ts";
import { kind } from "../kind.ts";
import { differenceForm } from "./evaluation.ts";
import { pathForm, provenanceForm } from "./provenance.ts";
import { riseForm } from "./sweep.ts";

export const wayForm = z.enum(WAYS);

export const pathsKind = kind("paths", { method: 1, noun: "map of paths" }, {
  /** The full model on the first half of the samples, which the map is of. */
  provenance: provenanceForm,
  /** The full model on the second half, which confirms. */
  confirming: provenanceForm,
  /** The full model's loss on the first half, in nats per token. */
  nll: z.number(),
  paths: z.array(z.object({
    way: wayForm,
    /** The first and the last layer that change places or run again. */
    first: z.int().nonnegative(),
    last: z.int().nonnegative(),
    /** Rounds of a loop; 2 for a repeat, 1 where no layer runs again. */
    times: z.int().positive(),
    path: pathForm,
    /** Runs of layers; the full model makes one of each. */
    visits: z.int().positive(),
    /** Over the full model, on the first half. */
    ...riseForm.shape,
  })),
  /** The cheapest paths of the map, the first of them first, on the second half: their places in `paths`, and what they cost there. */
  confirmed: z.array(z.object({ at: z.int().nonnegative(), ...riseForm.shape })),
  /** The map of accuracy on tasks; absent where none were asked. */
  accuracy: z.object({
    tasks: z.array(z.string()),
    /** The full model on the first half of the documents, which the map is of. */
    provenance: provenanceForm,
    /** The full model on the second half, which confirms. */
    confirming: provenanceForm,
    /** The full model's mean accuracy on the first half. */
    value: z.number(),
    /** How the mean accuracy changes on each of `paths`, on the first half. */
    changes: z.array(differenceForm),
    /** The most accurate paths of the map, the first of them first, on the second half: their places in `paths`, and the change there. */
    confirmed: z.array(differenceForm.extend({ at: z.int().nonnegative() })),
  }).optional(),
});
/** What paths cost. */
export type Paths = z.infer<typeof pathsKind.form>;
