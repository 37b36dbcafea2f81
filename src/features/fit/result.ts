/** The form of a fit: the largest plan that keeps a promise, and all that was tried on the way. */
import { MODULES, REPAIRS, TABLES, VERDICTS } from "core/measure/mod.ts";
import { z } from "zod";
import {
  byForm,
  dropForm,
  fileForm,
  kind,
  planByForm,
  planKind,
  planTargetForm,
  provenanceForm,
  savesForm,
  sharedForm,
  targetForm,
} from "core/result/mod.ts";
import { checkForm } from "../orders/mod.ts";
import { medianForm } from "../speed/mod.ts";

/** What a fit may promise: at most so much loss, or at least so much saved. */
export const AIMS = ["loss", "perplexity", "accuracy", "parameters", "kv-bytes", "file", "speed"] as const;

/** A cost with its 95 % interval, paired over samples or documents; null where a single one gives none. */
const costForm = z.object({
  /** Nats per token over the full model; of an accuracy, the points lost. */
  value: z.number(),
  low: z.number(),
  high: z.number(),
  /** Documents that the plan answered, of how many, where the asking ended once a test decided the promise (measure/statistics/rounds.ts); the interval then holds at every stop. */
  asked: z.object({ documents: z.int().positive(), of: z.int().positive() }).optional(),
});

/** Seconds of the full model and of the plan, in turns, and how many times as fast the plan is. */
const timesForm = z.object({
  batch: z.int().positive(),
  context: z.int().positive(),
  prefill: medianForm,
  decode: medianForm,
});

/** What a model writes at a cost: phrases that repeat, sentences that repeat and wrong facts, or text without sense. */
export const HARMS = ["phrases", "sentences", "sense"] as const;

/** What samples, sizes and times decide about the answer. */
const verdictForm = z.object({
  /** Whether it is worth it, by its file or its speed; where nothing may go, whether more samples may change that; null of a target, which limits no cost. */
  worth: z.enum(VERDICTS).nullable(),
  /** The same by the file alone, and by the speed; null where nothing may go, of a target, and of a speed that was not measured. */
  size: z.enum(VERDICTS).nullable(),
  speed: z.enum(VERDICTS).nullable(),
  /** The share that the answer saves of the model's own files, or of those in the format with every module where they are smaller; without files, of the weights. Below 0: its file is larger. */
  share: z.number().nullable(),
  /** What text to expect at the cost of the answer; null at a small one, of an accuracy, and where nothing may go. */
  harm: z.enum(HARMS).nullable(),
  /** Larger savings that were tried, smallest first: their places in `tried`, the share of the same, and what they cost; `confirmed`: on the samples that confirm. */
  larger: z.array(
    z.object({ tried: z.int().nonnegative(), share: z.number(), cost: costForm, confirmed: z.boolean() }),
  ),
});

/** A plan that was tried. */
const triedForm = z.object({
  target: planTargetForm,
  by: planByForm,
  repair: z.enum(REPAIRS).optional(),
  /** A module or block of the order, or types along it, were exchanged for others; absent where none was. */
  exchanged: z.literal(true).optional(),
  /** Number of modules, or of blocks, dropped; of types, the steps down. */
  dropped: z.int().positive(),
  drop: dropForm,
  saves: savesForm,
  /** Bytes of the files of the plan in the format of `file`; null where it cannot express the plan, absent without `file`. */
  bytes: z.int().positive().nullable().optional(),
  cost: costForm,
  /** Whether the plan keeps the promise, on the samples that choose. */
  keeps: z.enum(VERDICTS),
});

export const fitKind = kind("fit", { method: 2 }, {
  /** Provenance of the full model on the samples, or documents, that choose the plan. */
  provenance: provenanceForm,
  /** The same on those that confirm it. */
  confirming: provenanceForm,
  /** Provenance of the profile that the orders begin with. */
  calibration: provenanceForm,
  aim: z.object({
    of: z.enum(AIMS),
    /**
     * Nats per token; the rise of the perplexity as a share; points of accuracy; weights, or bytes of keys and values (up to 1: a share of all);
     * or the factor of decoding's speed.
     */
    amount: z.number().positive(),
    /** Tasks of an accuracy. */
    tasks: z.array(z.string()).optional(),
    /** Tokens of the sequence whose keys and values are counted. */
    context: z.int().positive().optional(),
  }),
  /** The unit of every cost and its interval: of a perplexity too, nats per token, which multiply it by e^cost. */
  unit: z.enum(["nats per token", "points"]),
  /** Absent where no format holds the model. */
  file: fileForm.optional(),
  /** What makes one plan larger than another. */
  saving: z.enum(["parameters", "kv-bytes"]),
  /** All plans that were tried, line by line. */
  tried: z.array(triedForm),
  /** The plans that were confirmed, smallest first: places in `tried`, and the cost on the samples that confirm. */
  confirmed: z.array(z.object({ tried: z.int().nonnegative(), cost: costForm, keeps: z.enum(VERDICTS) })),
  /** The answer's place in `tried`; null where nothing may go. */
  answer: z.int().nonnegative().nullable(),
  /** Places in `tried` of the largest plans of other lines that kept the promise on the samples that choose, largest first. */
  runnersUp: z.array(z.int().nonnegative()),
  /** Of every other line the smallest plan that saves as much as an answer of types, where steps were measured; costs on the samples that confirm, and over the answer there. */
  beside: z.array(triedForm.extend({ over: costForm })).optional(),
  /** The answer as a plan. */
  plan: planKind.form.nullable(),
  /** What each type was measured to cost alone, in nats per token, and the bytes that it saves; absent where none was measured. */
  rises: z.array(z.object({
    module: z.enum([...MODULES, ...TABLES]),
    /** Null of a table of words. */
    layer: z.int().nonnegative().nullable(),
    /** Of the matrices that read the module's input, and of the one that writes its update, or of the table. */
    types: z.object({ in: z.string().optional(), out: z.string().optional() }),
    saved: z.int(),
    rise: z.number(),
  })).optional(),
  /** The checks of the orders of lines; absent where none was made. */
  checks: z.array(checkForm.extend({ target: targetForm, by: byForm })).optional(),
  /** Measured times of the answer; null where they were not measured. */
  times: timesForm.nullable(),
  verdict: verdictForm,
  /** What the text shares with calibration texts; absent where nothing is known to be shared. */
  shared: sharedForm.optional(),
});
/** The largest plan that keeps a promise. */
export type Fit = z.infer<typeof fitKind.form>;
