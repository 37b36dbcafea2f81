/** The form of measured speeds. The only result with durations in it: they are what it is about, and it is never compared. */
import { z } from "zod";
import { kind } from "../kind.ts";
import { computedForm, dropForm, modelForm } from "./provenance.ts";
import { ratiosForm } from "./roofline.ts";

/** A median with the quartiles around it. */
export const medianForm = z.object({ median: z.number(), low: z.number(), high: z.number() });

/** Seconds of what a step is made of, as measured of its parts. */
const partsForm = z.object({
  /** Bytes per second of a product with as many rows as there are texts; operations per second of one with a part of a prompt. */
  bandwidth: z.number().positive(),
  rate: z.number().positive(),
  /** Bytes and operations per second of attention's own products, at this context. */
  keyBandwidth: z.number().positive(),
  keyRate: z.number().positive(),
  /** Seconds of a module whose weights are next to nothing, and of a step besides its modules. */
  attention: z.number().nonnegative(),
  mlp: z.number().nonnegative(),
  step: z.number().nonnegative(),
});

export const speedKind = kind("speed", { method: 2 }, {
  lamina: z.string(),
  model: modelForm,
  computed: computedForm,
  /** Rounds, tokens written in each, and the seed of the tokens, which are random. */
  repeat: z.int().positive(),
  new: z.int().positive(),
  seed: z.int().nonnegative(),
  /** The full model first. */
  plans: z.array(z.object({
    drop: dropForm,
    /** Of the weights of the layers, the final norm and the head, in the form in which decoding holds them; in llama.cpp of the file. */
    weightBytes: z.number(),
  })),
  points: z.array(z.object({
    /** Texts side by side, and tokens of each that are read before it is written on. */
    batch: z.int().positive(),
    context: z.int().positive(),
    /** Absent in llama.cpp, as predictions are. */
    parts: partsForm.optional(),
    plans: z.array(z.object({
      /** Of the keys and values of the context, all texts together; what is written after it is not counted. */
      keyBytes: z.number(),
      /** Seconds: reading the texts, and one more token of each. */
      prefill: medianForm,
      decode: medianForm,
      /** The full model's time to the plan's, turn by turn; the whole is a prefill and all steps after it. */
      speedup: z.object({ prefill: medianForm, decode: medianForm, whole: z.number() }),
      /** What bytes and operations allow at the measured bandwidth and rate. */
      roofline: ratiosForm.optional(),
      /** The same with what attention's own products and the modules besides their weights were measured to take. */
      predicted: ratiosForm.optional(),
      /** Points of accuracy lost for each percent of the whole's speed-up; null where accuracies were not given. */
      gamma: z.number().nullable(),
    })),
  })),
});
/** Measured speeds of a model, full and with modules dropped. */
export type Speed = z.infer<typeof speedKind.form>;
