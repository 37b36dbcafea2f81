/** The form of a fit: the smallest file that keeps its limits, what was measured to find it, and what is as small by other means. */
import { KINDS, TABLES, VERDICTS } from "core/measure/mod.ts";
import { z } from "zod";
import {
  depends,
  dropForm,
  endsForm,
  fileForm,
  head,
  kind,
  planKind,
  type Provenance,
  provenanceForm,
  savesForm,
  sharedForm,
  summed,
} from "core/result/mod.ts";
import { displayable } from "core/entry/mod.ts";
import { medianForm } from "../speed/mod.ts";

/** What a fit may limit. */
export const LIMITS = ["kld", "loss", "perplexity", "accuracy"] as const;
/** What a fit may reach at the least divergence. */
export const TARGETS = ["file", "parameters", "kv-bytes", "speed"] as const;
/** What is as small by other means. */
export const BASELINES = ["uniform", "rule", "drops"] as const;

const numberForm = z.object({ value: z.number(), ...endsForm });
/** A number with its 95 % interval over samples; null where a single one gives none. */
export type Ends = z.infer<typeof numberForm>;

/** What a plan costs beside the model as stored. */
const costsForm = {
  /** Mean KL divergence of the next token, nats. */
  kld: numberForm,
  /** The 99 % quantile of the divergence over tokens, nats. */
  kld99: z.number(),
  /** The share of tokens at which the first choice is the same. */
  same: numberForm,
  /** Nats per token over the model as stored, paired over samples; the perplexity is e to it times as large. */
  loss: numberForm,
  /** Points of mean accuracy lost on the tasks, paired over documents; absent without a limit of accuracy. */
  points: numberForm.optional(),
};

/** A plan with its size and costs on some samples. */
const rowForm = z.object({
  drop: dropForm,
  saves: savesForm,
  /** Bytes of its file; null without a format that holds the model. */
  bytes: z.int().positive().nullable(),
  /** The divergence that the sum of its parts predicts; null where a part was not measured. */
  predicted: z.number().nullable(),
  ...costsForm,
});
/** A plan with its size and costs on some samples. */
export type Row = z.infer<typeof rowForm>;

const aimForm = z.object({
  of: z.enum([...LIMITS, ...TARGETS]),
  /**
   * Nats per token; the rise of the perplexity as a share; points of accuracy; bytes, weights, or bytes of keys and values (up to 1: a
   * share of all); or the factor of decoding's speed.
   */
  amount: z.number().positive(),
  /** Tasks of an accuracy. */
  tasks: z.array(z.string()).optional(),
  /** Tokens of the sequence whose keys and values are counted. */
  context: z.int().positive().optional(),
});
/** A limit or a target. */
export type Aim = z.infer<typeof aimForm>;

export const fitKind = kind("fit", { method: 3 }, {
  /** Provenance of the model as stored on the samples that choose. */
  provenance: provenanceForm,
  /** The same on those that confirm. */
  confirming: provenanceForm,
  /** The same on those that order. */
  calibration: provenanceForm,
  /** Limits, and the target if there is one. */
  aims: z.array(aimForm).min(1),
  /** The format of the answer's file, and bytes of the model: its own files, and in the format. Absent where no format holds it. */
  file: fileForm.optional(),
  /** What one part in another type, or without one module, was measured to cost alone. */
  measured: z.array(z.object({
    module: z.enum([...KINDS, ...TABLES]),
    /** Null of a table of words. */
    layer: z.int().nonnegative().nullable(),
    /** The types of its groups; "one table" where one takes the place of two, "nothing" of a drop. */
    to: z.string(),
    /** Bytes that it saves. */
    saved: z.int(),
    kld: z.number(),
  })),
  /** How far the predictions of the search were off: measured over predicted divergence, and whether parts were measured again inside a plan. */
  prediction: z.object({ ratio: z.number(), again: z.boolean() }),
  /** Predicted divergence by bytes saved, along the path. */
  curve: z.array(z.object({ saved: z.number(), kld: z.number() })),
  /** Plans that were looked at on the samples that choose, in turn. */
  looks: z.array(rowForm),
  /** Plans on the samples that confirm, smallest saving first, and whether they keep the limits there. */
  confirmed: z.array(rowForm.extend({ keeps: z.enum(VERDICTS) })),
  /** The answer's place in `confirmed`; null where nothing keeps the limits. */
  answer: z.int().nonnegative().nullable(),
  /** What is as small by other means, on the samples that confirm. */
  baselines: z.array(rowForm.extend({ by: z.enum(BASELINES), type: z.string().nullable() })),
  /** The answer as a plan. */
  plan: planKind.form.nullable(),
  /** How many times as fast the answer decodes and reads, where a speed was the target. */
  times: z.object({ prefill: medianForm, decode: medianForm }).nullable(),
  /** What the text shares with calibration texts; absent where nothing is known to be shared. */
  shared: sharedForm.optional(),
});
/** The smallest file that keeps its limits. */
export type Fit = z.infer<typeof fitKind.form>;

/** Divergence from the model as stored over a text, as it is kept while a fit searches. */
export const divergenceKind = kind("divergence", { method: 1, merges: true, origin: depends() }, {
  provenance: provenanceForm,
  /** Mean KL, nats per token. */
  kl: z.number(),
  /** By sample: sums over its predicted tokens, and the largest tenth of their divergences, largest first. */
  sums: z.array(z.object({
    nll: z.number(),
    kl: z.number(),
    top1: z.number(),
    tokens: z.number(),
    tail: z.array(z.number()),
  })),
});
/** Divergence from the model as stored over a text. */
export type Divergence = z.infer<typeof divergenceKind.form>;

export const divergenceSums = summed<
  { readonly provenance: Provenance },
  Pick<Divergence, "sums">,
  Divergence
>({
  kind: divergenceKind,
  join: (parts) => ({ sums: parts.flatMap(({ sums }) => sums) }),
  from({ provenance }, { sums }) {
    const total = (key: "kl" | "tokens") => sums.reduce((all, sample) => all + sample[key], 0);
    return displayable({ ...head(divergenceKind), provenance, kl: total("kl") / total("tokens"), sums });
  },
});
