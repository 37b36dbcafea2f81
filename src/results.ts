/**
 * Types of results, of their parts, and of prices.
 */
export type {
  Agreement,
  Checkpoints,
  Comparison,
  Computed,
  Constraints,
  Fit,
  Generated,
  GuideName,
  Guides,
  Info,
  Kind,
  Provenance,
  RandomInit,
  ResultOf,
  Roofline,
  SamplesComparison,
  Sizes,
} from "./result/mod.ts";
export type {
  AttentionOf,
  Estimate,
  EvaluatePrice,
  Price,
  Ranked,
  Scores,
  SpeedEstimate,
  StudyTerms,
  TaskPrice,
  Terms,
} from "./study/mod.ts";
export type { AttentionRow, Observed, ObservedTokens, Seen } from "./run/mod.ts";
export type { Exported } from "./export/mod.ts";
export type { FileSizes } from "./entry/mod.ts";
export type { Packed } from "./subject/mod.ts";
