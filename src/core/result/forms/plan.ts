/** The forms of plans (what is dropped, in which order) and of sweeps (what dropping more and more costs). */
import { KINDS, MODULES, REPAIRS } from "../../measure/mod.ts";
import { z } from "zod";
import { kind } from "../kind.ts";
import { dropForm, provenanceForm, strict } from "./provenance.ts";
import { ORDERS, TARGETS, TYPE_ORDERS } from "../scores.ts";

export const targetForm = z.enum(TARGETS);
export const byForm = z.enum(ORDERS);
/** The same of plans, which also round to types of blocks. */
const planTargetForm = z.enum([...TARGETS, "types"]);
const planByForm = z.enum([...ORDERS, ...TYPE_ORDERS]);

/** A repair's place, and how well the fit there did. */
export const siteForm = strict("a repaired site", {
  layer: z.int().nonnegative(),
  module: z.enum(MODULES),
  /** ε of the ridge; null without one. */
  strength: z.number().nullable(),
  /** The share of the missing update's mean square that is left on held-out tokens; null where it was not measured. */
  left: z.number().nullable(),
});

/** A rise of the loss in nats per token, and its standard error, paired over samples; null for a single one. */
export const riseForm = z.object({ rise: z.number(), riseError: z.number().nullable() });

/** The format of files to write, and bytes of the model: its own files, and in the format. */
export const fileForm = z.object({
  format: z.string(),
  original: z.int().positive(),
  whole: z.int().positive(),
});

const repairedForm = strict("a repair", {
  by: z.enum(REPAIRS),
  /** Whether each repair was fitted on the repaired model's stream. */
  sequential: z.boolean().optional(),
  provenance: provenanceForm,
  sites: z.array(siteForm).optional(),
  /** Nats per token on the last samples of the text, which neither fitted nor chose. Absent without such samples. */
  fresh: z.object({
    samples: z.int().positive(),
    full: z.number(),
    dropped: z.number(),
    repaired: z.number(),
    /** What the repair saves over the drop, and its standard error, paired over samples; null of a single one. */
    saved: z.number(),
    savedError: z.number().nullable(),
  }).optional(),
  /** The types to which matrices were rounded, so that files hold them so, and what that adds to the loss on those samples, nats per token. */
  rounded: z.object({ types: z.array(z.string()), ...riseForm.partial().shape }).optional(),
  /** The format of the files to write, with bytes as a fit has them, and those of the plan; null where the format cannot express it. */
  file: z.object({ ...fileForm.shape, bytes: z.int().positive().nullable() }).optional(),
});

export const savesForm = strict("savings", {
  /** Weights that need not be stored, and their share of all the model's. */
  parameters: z.int(),
  parametersShare: z.number(),
  /** Bytes of keys and values of dropped attention for each token of the context, in 16 bits, and their share of all. */
  kvBytesPerToken: z.int().nonnegative(),
  kvShare: z.number(),
  /** The same of one sequence of `context` tokens, with the keys that windows free. */
  kv: z.object({ context: z.int().positive(), bytes: z.int().nonnegative(), share: z.number() }),
});

/** A module that goes last whatever its score, since the model may fail without it. */
export const lastForm = z.object({
  module: z.enum(KINDS),
  layer: z.int().nonnegative(),
  /** Rise in nats per token when it alone is removed; null where no removal was measured. */
  rise: z.number().nullable(),
  /** The largest |u| / |X| of a token; null where the profile has no such module. */
  largestRelativeMagnitude: z.number().nullable(),
});
/** A module that goes last. */
export type Last = z.infer<typeof lastForm>;

/** A plan: the modules to drop, and what ordered them. */
export const planKind = kind("plan", { method: 1, make: (shape) => strict("a plan", shape) }, {
  model: z.string(),
  layers: z.int().positive(),
  /** Provenance of the profile or order that it was made from; a plan written by hand has none. */
  provenance: provenanceForm.optional(),
  target: planTargetForm,
  by: planByForm,
  seed: z.int().nullable(),
  /** The first dropped first; tensors of other changes lie in the safetensors file beside the plan. */
  ...dropForm.shape,
  /** How dropped modules were repaired, and provenance of the run that measured the repairs; absent if none were. */
  repaired: repairedForm.optional(),
  /** The drops in order; `score` is what they were ordered by. */
  order: z.array(
    strict("an entry of order", { module: z.enum(KINDS), layer: z.int(), score: z.number().nullable() }),
  ),
  /** Modules that went last, as the check of the order or the marks of the profile say; absent where none did. */
  last: z.array(lastForm).optional(),
  /** What is saved; absent where the sizes of the modules are unknown. */
  saves: savesForm.optional(),
});
/** Modules to drop, in order. */
export type Plan = z.infer<typeof planKind.form>;
/** The names of a plan's fields. */
export const PLAN_FIELDS: readonly string[] = Object.keys(planKind.form.shape);
