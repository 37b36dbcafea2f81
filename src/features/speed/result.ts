/** The form of measured speeds. The only result with durations in it: they are what it is about, and it is never compared. */
import { z } from "zod";
import { computedForm, dropForm, kind, modelForm } from "core/result/mod.ts";

/** Ratios of the full model's time to the plan's. */
const ratiosForm = z.object({ prefill: z.number(), decode: z.number(), whole: z.number() });

/** What a speed-up of the paper needs to be possible, the cheapest first. */
const REACHES = ["fits", "own-batch", "more-memory", "never"] as const;

const paperForm = z.object({
  /** As a ratio: 1.23 is 23 % faster. */
  speedup: z.number(),
  /** Points of average accuracy, of the full model and of this one. */
  accuracies: z.tuple([z.number(), z.number()]),
  /** Points lost for each percent of speed-up: the paper's, and that of the roofline at the largest batch of the full model. */
  gamma: z.number().nullable(),
  rooflineGamma: z.number().nullable(),
  /** Where the roofline allows as much: in the full model's batch, with each model's own largest, in a batch beyond the memory, nowhere. */
  reach: z.enum(REACHES),
});

export const rooflineKind = kind("roofline", { method: 2 }, {
  lamina: z.string(),
  model: z.object({ name: z.string(), family: z.string(), layers: z.int().positive() }),
  device: z.object({
    name: z.string(),
    title: z.string(),
    /** How many share the work; what follows is of all of them together. */
    count: z.int().positive(),
    /** Bytes per second. */
    bandwidth: z.number().positive(),
    /** Multiplications and additions per second. */
    rate: z.number().positive(),
    /** Bytes. */
    memory: z.number().positive(),
  }),
  setting: z.object({
    /** Tokens read, and tokens written, of each text. */
    input: z.int().positive(),
    output: z.int().positive(),
    /** Bits of a number; of 4-bit weights, with the scale that 32 of them share, 4.5. */
    bits: z.union([z.literal(16), z.literal(4)]),
  }),
  /** The full model first. */
  plans: z.array(z.object({
    drop: dropForm,
    /** Of all weights, and of the keys and values of one text at its end. */
    weightBytes: z.number(),
    keyBytes: z.number(),
    /** The most texts that fit beside the weights; 0 where the weights alone do not. */
    largest: z.int().nonnegative(),
    points: z.array(z.object({
      batch: z.int().positive(),
      /** Whether the full model fits in this batch. */
      fits: z.boolean(),
      /** Seconds: reading all texts, and writing all tokens. */
      prefill: z.number(),
      decode: z.number(),
      speedup: ratiosForm,
    })),
    /** The speed-up of the whole in exactly the largest batch that fits the full model; null where the full model does not fit. */
    fitting: z.object({ batch: z.int().positive(), speedup: z.number() }).nullable(),
    /** Tokens per second in the own largest batch beside the full model in its; null where the full model does not fit. */
    throughput: z.number().nullable(),
    /** The largest speed-up of the whole in any batch, whatever memory that takes, and the batch. */
    most: z.object({ batch: z.int().positive(), speedup: z.number() }),
    /** What the paper reports of this model with as many attention modules dropped. */
    paper: paperForm.nullable(),
  })),
});
/** The largest speed-ups that a device allows a model with modules dropped. */
export type Roofline = z.infer<typeof rooflineKind.form>;

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
