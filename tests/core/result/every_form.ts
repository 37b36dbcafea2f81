/** A made-up result of most kinds, of the form that it has to have. */
import "features/mod.ts";
import { taskKind, writtenKind } from "features/evaluate/result.ts";
import { rowsKind } from "features/causes/result.ts";
import { divergenceSums } from "features/fit/result.ts";
import { lossKind, orderKind } from "features/orders/result.ts";
import { generateKind } from "features/generate/result.ts";
import { compareKind } from "features/compare/result.ts";
import { doctorKind, head, type Plan, planKind, receiptKind, shardsKind } from "core/result/mod.ts";
import { guides } from "../show/synthetic.ts";
import { causes } from "../show/synthetic_causes.ts";
import { certificate } from "../show/synthetic_studies.ts";
import { perplexity, profile } from "./samples.ts";
import type { Kind, ResultOf } from "features/by_name.ts";

export const plan: Plan = {
  ...head(planKind),
  model: "tiny",
  layers: 2,
  target: "attention",
  by: "importance",
  seed: null,
  attention: [1],
  mlp: [],
  order: [{ module: "attention", layer: 1, score: 0.25 }],
};
const order: ResultOf<"order"> = {
  ...head(orderKind),
  provenance: profile().provenance,
  target: "consecutive",
  by: "angular-last",
  seed: null,
  upto: 2,
  constraints: { protectFirst: 0, protectLast: 1, noNeighbours: false },
  nll: null,
  order: [{ module: "block", layer: 0, size: 1, score: 0.25 }],
  sizes: {
    ...{ hidden: 8, parameters: 9, attention: [1, null], mlp: [2, 3], kvBytes: [4, null] },
    kvTokens: [null, null],
  },
};
const agreement = { overlap: [1, 0.5], rankCorrelation: null, largestDifference: 0.25 };
export const results: { [K in Kind]?: ResultOf<K> } = {
  profile: profile(),
  perplexity: perplexity(),
  certificate: certificate({ layers: 2 }),
  plan,
  order,
  guides: guides({ layers: 2, samples: 2 }),
  compare: {
    ...head(compareKind),
    models: ["a", "b"],
    attention: agreement,
    mlp: agreement,
    block: agreement,
  },
  generate: {
    ...head(generateKind),
    model: profile().provenance.model,
    computed: { dtype: "float32", engine: "cpu", runtime: "onnxruntime 1.30.0" },
    prompt: "once",
    texts: [{ plan: { attention: [], mlp: [0] }, ids: [3], text: " upon", ended: "eos" }],
  },
  divergence: divergenceSums.from({ provenance: profile().provenance }, {
    sums: [{ nll: 20, kl: 2, top1: 6, tokens: 8, tail: [0.9] }],
  }),
  loss: {
    ...{ ...head(lossKind), provenance: profile().provenance, measure: "divergence", nll: 2.5, kl: 0.5 },
    sums: [{ nll: 5, kl: 1, top1: 1, tokens: 2 }],
  },
  shards: {
    ...head(shardsKind),
    lamina: "0.1.0",
    key: "0123456789abcdef",
    label: "profile of tiny",
    command: ["profile", "tiny"],
    parts: 1,
    depends: { model: "fedcba9876543210" },
    shards: [
      {
        ...{ index: 0, stage: 0, name: "samples 0 to 3", from: 0, to: 4, file: "shard-tiny-0.json", cost: 1 },
        bytes: 2,
      },
    ],
  },
  shard: {
    ...head(receiptKind),
    key: "0123456789abcdef",
    shard: { stage: 0, name: "samples 0 to 3", from: 0, to: 4 },
    model: { name: "tiny", fingerprint: "sha256:0" },
    computed: { dtype: "float32", engine: "cpu", runtime: "onnxruntime 1.30.0" },
    files: ["profile-tiny-0.json"],
    made: 1,
    host: "node",
    processor: "a processor",
    seconds: 0.5,
    peakBytes: 4096,
  },
  doctor: {
    ...head(doctorKind),
    works: false,
    findings: [{ part: "a", works: false, needed: true, found: "none", remedy: "get a" }],
  },
  task: {
    ...head(taskKind),
    provenance: profile().provenance,
    task: { name: "piqa", version: "1", shots: 0, bos: "tokenizer", seed: 1234 },
    items: [{
      ...{ index: 3, hash: "ab".repeat(32), loglikelihoods: [-4, -5.5], greedy: [false, false] },
      ...{ tokens: [2, 3], acc: 1, acc_norm: 0, gold: 0, text: null, kl: 0.25, top1: 4, cut: 0 },
    }],
  },
  written: { ...head(writtenKind), provenance: profile().provenance, tokens: 4, texts: [[7, 1], []] },
  rows: {
    ...head(rowsKind),
    provenance: causes({ layers: 2 }).provenance,
    of: "whole",
    from: 0,
    to: 2,
    plans: [],
    whole: [],
    sink: [],
    effects: [],
    smoothing: [],
  },
};
