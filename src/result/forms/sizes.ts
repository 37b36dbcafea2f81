/** The form of the sizes of a model's modules, which orders and profiles hold, so that a plan can be made for a budget. */
import { z } from "zod";

/** Whole numbers by layer [L]; null where there is no module. */
const wholes = z.array(z.int().nonnegative().nullable());

/** How large the modules are. */
export const sizesForm = z.object({
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
