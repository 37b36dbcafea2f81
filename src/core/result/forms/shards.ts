/** The forms of what is not a measurement: the shards of a study over machines, what a model writes, and what a machine can run. */
import { z } from "zod";
import { kind } from "../kind.ts";
import { computedForm, modelForm } from "./provenance.ts";

/** One shard: units [from, to) of a stage. */
const shardForm = z.object({
  /** 0, 1, …: what `lamina shard --index` is given. */
  index: z.int().nonnegative(),
  /** A stage begins when all shards of the stages before it are done. */
  stage: z.int().nonnegative(),
  /** For people: "samples: 0 to 3". */
  name: z.string(),
  from: z.int().nonnegative(),
  to: z.int().positive(),
  /** Name of its receipt in the folder of results; holds a hash of all that the shard depends on. */
  file: z.string().regex(/^shard-[\w.-]+\.json$/),
  /** Floating-point operations, about. */
  cost: z.number().nonnegative(),
  /** Bytes of memory, about. */
  bytes: z.number().nonnegative(),
});

export const shardsKind = kind("shards", { method: 1 }, {
  /** The version that all shards must run. */
  lamina: z.string(),
  /** Hash of all that the study depends on, but for what computes it and how it is divided; part of names of folders and jobs. */
  key: z.string().regex(/^[0-9a-f]+$/),
  /** "profile of smollm2-135m". */
  label: z.string(),
  /** The command line of the undivided study. */
  command: z.array(z.string()).min(1),
  /** Into how many shards each stage was to be divided. */
  parts: z.int().positive(),
  /** Hashes by name ("model", "text"): what a machine must have, to be compared one by one. */
  depends: z.record(z.string(), z.string()),
  shards: z.array(shardForm).min(1).refine(
    (shards) => shards.every(({ index, from, to }, i) => index === i && from < to),
    "found shards out of order, expected indices 0, 1, … and units from < to",
  ),
});
/** The plan of a study that is divided over machines. */
export type Shards = z.infer<typeof shardsKind.form>;
/** One of its shards. */
export type Shard = Shards["shards"][number];

export const receiptKind = kind("shard", { method: 1 }, {
  /** The plan's key, and the shard in it. */
  key: z.string(),
  shard: shardForm.pick({ stage: true, name: true, from: true, to: true }),
  model: modelForm.pick({ name: true, fingerprint: true }),
  computed: computedForm,
  /** Names of the results, in the folder of the receipt. */
  files: z.array(z.string().regex(/^[\w.-]+\.json$/)),
  /** How many of them this shard computed; the others were there. */
  made: z.int().nonnegative(),
  /** Where: host, processor. */
  host: z.string(),
  processor: z.string(),
  seconds: z.number().nonnegative(),
  /** Largest resident memory of the process, in bytes. */
  peakBytes: z.number().nonnegative(),
});
/** The record that a finished shard leaves beside its results. Two records of one shard differ in place and duration alone. */
export type Receipt = z.infer<typeof receiptKind.form>;

/** What a machine can run. */
export const doctorKind = kind("doctor", { method: 1 }, {
  /** Whether everything required is there. */
  works: z.boolean(),
  findings: z.array(z.object({
    part: z.string(),
    works: z.boolean(),
    needed: z.boolean(),
    found: z.string(),
    /** How to get it, if it does not work. */
    remedy: z.string().optional(),
  })),
});
