/** The form of an order: modules, or windows of blocks, in the order in which they are dropped, with what ordered them. */
import { KINDS } from "../../measure/mod.ts";
import { z } from "zod";
import { headForm, provenanceForm } from "./provenance.ts";
import { byForm, targetForm } from "./sweep.ts";

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

/** Whole numbers by layer [L]; null where there is no module. */
const wholes = z.array(z.int().nonnegative().nullable());

/** How large the modules are. */
const sizesForm = z.object({
  /** Weights of the whole model. */
  parameters: z.int().nonnegative(),
  /** Weights by layer. */
  attention: wholes,
  mlp: wholes,
  /** Bytes of keys and values for each token by layer, in 16 bits. */
  kvBytes: wholes,
  /** Tokens that a layer keeps at most; null for all. */
  kvTokens: wholes,
});
/** The sizes of the modules. */
export type Sizes = z.infer<typeof sizesForm>;

export const orderForm = z.object({
  ...headForm("order"),
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
});
/** Modules in the order in which they are dropped. */
export type DropOrder = z.infer<typeof orderForm>;

/** What the model loses without some modules, as it is kept while an order is searched. */
export const lossForm = z.object({
  ...headForm("loss"),
  provenance: provenanceForm,
  /** Whether divergence from the full model was measured too. */
  measure: z.enum(["loss", "divergence"]),
  /** Nats per token. */
  nll: z.number(),
  kl: z.number(),
});
