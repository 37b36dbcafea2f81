/** The forms of an order (modules, or windows of blocks, as they are dropped) and of guides: how well each score predicts the cost of a removal. */
import { KINDS } from "core/measure/mod.ts";
import { z } from "zod";
import {
  byForm,
  byKind,
  depends,
  GUIDE_NAMES,
  kind,
  lastForm,
  perLayer,
  type Provenance,
  provenanceForm,
  rankForm,
  sizesForm,
  targetForm,
} from "core/result/mod.ts";

/** What must not be dropped. */
const constraintsForm = z.object({
  /** Layers at the beginning and at the end that stay whole. */
  protectFirst: z.int().nonnegative(),
  protectLast: z.int().nonnegative(),
  /** No two modules of a kind are dropped in adjacent layers. */
  noNeighbours: z.boolean(),
});
/** Constraints on which modules may be dropped. */
export type Constraints = z.infer<typeof constraintsForm>;

/** The check of an order: its first candidates removed one by one on short samples. */
const checkForm = z.object({
  samples: z.int().positive(),
  length: z.int().positive(),
  /** How many candidates were removed. */
  removed: z.int().nonnegative(),
  /** Median rise in nats per token. */
  median: z.number(),
  /** Those that go last. */
  last: z.array(lastForm),
});
export type OrderCheck = z.infer<typeof checkForm>;

const orderFields = {
  /** The full model, and the text on which it was measured; orders that measure nothing name it too. */
  provenance: provenanceForm,
  target: targetForm,
  by: byForm,
  /** Of a random order. */
  seed: z.int().nonnegative().nullable(),
  /** The number of modules requested; for windows, the number of blocks of the largest. */
  upto: z.int().nonnegative(),
  constraints: constraintsForm,
  /** Nats per token of the full model, where losses were measured. */
  nll: z.number().nullable(),
  /** First dropped first. Windows are alternatives: sorted by their number of blocks, then the best first. */
  order: z.array(z.object({
    module: z.enum(KINDS),
    /** Its layer, or the first of the window. */
    layer: z.int().nonnegative(),
    /** Blocks of the window; 1 for a module. */
    size: z.int().positive(),
    score: z.number().nullable(),
  })),
  sizes: sizesForm,
  /** The check of the order; absent where none was made. */
  check: checkForm.optional(),
};
type OrderFields = z.infer<z.ZodObject<typeof orderFields>>;

/** What an order depends on: its request too. An order of fewer modules is another result. */
function orderOrigin(
  { provenance, target, by, seed, upto, constraints, check }: OrderRequest,
): Provenance & Omit<OrderRequest, "provenance"> {
  return { ...provenance, target, by, seed, upto, constraints, ...check ? { check: true } : {} };
}
/** What an order is known by before it is made. */
type OrderRequest = Omit<OrderFields, "nll" | "order" | "sizes" | "check"> & {
  /** Whether it is checked, or the check. */
  readonly check?: unknown;
};

export const orderKind = kind("order", { method: 1, origin: orderOrigin }, orderFields);
/** Modules in the order in which they are dropped. */
export type DropOrder = z.infer<typeof orderKind.form>;

/** What the model loses without some modules, as it is kept while an order is searched. */
export const lossKind = kind("loss", { method: 2, origin: depends("measure") }, {
  provenance: provenanceForm,
  /** Whether divergence from the full model was measured too. */
  measure: z.enum(["loss", "divergence"]),
  /** Nats per token. */
  nll: z.number(),
  kl: z.number(),
  /** By sample. */
  sums: z.array(z.object({ nll: z.number(), kl: z.number(), top1: z.number(), tokens: z.number() })),
});

/** One score of one kind of module against the losses of its removals. */
const guideForm = z.object({
  module: z.enum(KINDS),
  by: z.enum(GUIDE_NAMES),
  /** The score by layer [L]. */
  values: perLayer,
  /** The correlation with the loss. */
  ...rankForm,
  /** How many modules have both. */
  modules: z.int().nonnegative(),
});
/** One score of one kind of module, compared with the losses after each removal. */
export type Guide = z.infer<typeof guideForm>;

export const guidesKind = kind("guides", { method: 1, origin: depends("calibration") }, {
  /** The full model on the text on which losses were measured. */
  provenance: provenanceForm,
  /** The full model on the text on which scores were measured. */
  calibration: provenanceForm,
  /** Rise in nats per token when the module alone is removed, by layer [L]. */
  rise: z.object(byKind(perLayer)),
  guides: z.array(guideForm),
});
/** How well each score predicts the cost of removing one module. */
export type Guides = z.infer<typeof guidesKind.form>;
