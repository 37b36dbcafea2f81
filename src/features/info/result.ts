/** The form of what a model's headers say: its modules, sizes, licence and origin. */
import { z } from "zod";
import { TABLES } from "core/measure/mod.ts";
import { kind } from "core/result/mod.ts";

const count = z.int().nonnegative();

export const infoKind = kind("info", { method: 1 }, {
  model: z.string(),
  /** Commit of the hub; null for other models. */
  revision: z.string().nullable(),
  /** Where the files came from. */
  origin: z.string(),
  /** As the packages, the hub, the file's metadata or the folder's README.md state it; null where none of them does. */
  licence: z.string().nullable(),
  /** Hugging Face's `model_type`. */
  family: z.string(),
  format: z.string(),
  /** Bytes of the weight files. */
  bytes: count,
  layers: count,
  /** Width of the residual stream. */
  hidden: count,
  vocabulary: count,
  /** Tokens of the longest text of the training; null where the configuration does not state it. */
  trained: count.nullable(),
  /** Attention modules that are alike, with the number of layers that have them. Sizes are null where a kind has none. */
  attention: z.array(z.object({
    type: z.string(),
    layers: count,
    heads: count.nullable(),
    kvHeads: count.nullable(),
    headSize: count.nullable(),
    /** Keys that a query sees; null for all. */
    window: count.nullable(),
  })),
  /** MLPs that are alike. `width` is that of an expert in a mixture. */
  mlp: z.array(z.object({
    type: z.string(),
    layers: count,
    width: count.nullable(),
    experts: count.nullable(),
    /** Experts that run for a token. */
    top: count.nullable(),
    /** Whether a network that every token passes through is beside the experts. */
    shared: z.boolean(),
  })),
  /** Weights: of the whole model, of its modules, and of the embedding, learned positions and head. */
  parameters: z.object({ all: count, attention: count, mlp: count, embeddings: count }),
  /** Bytes of keys and values for each token in 16 bits. */
  kvBytesPerToken: count,
  /** Where the two tables of words are roundings of one: the finer, which may serve as both, and the bytes of the other; absent where they are not, or were not read. */
  tables: z.object({ both: z.enum(TABLES), saved: count }).optional(),
});
/** The properties of a model, as its headers state them. */
export type Info = z.infer<typeof infoKind.form>;
