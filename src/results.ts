/**
 * Types of results, of their parts, and of prices.
 */
export type { Kind, ResultOf, StudyTerms, Terms } from "./features/by_name.ts";
export type { Agreement, Comparison } from "./features/compare/mod.ts";
export type { Checkpoints } from "./features/training/mod.ts";
export type { Computed, GuideName, Provenance, Sizes } from "./core/result/mod.ts";
export type { Constraints, Guides, Scores } from "./features/orders/mod.ts";
export type { Fit } from "./features/fit/mod.ts";
export type { Generated } from "./features/generate/mod.ts";
export type { Info } from "./features/info/mod.ts";
export type { RandomInit } from "./features/untrained/mod.ts";
export type { Roofline, SpeedEstimate } from "./features/speed/mod.ts";
export type { Estimate } from "./core/study/estimate.ts";
export type { EvaluatePrice, TaskPrice } from "./features/evaluate/mod.ts";
export type { Price } from "./core/study/study.ts";
export type { Ranked } from "./features/profile/mod.ts";
export type { AttentionRow, Observed, ObservedTokens, Seen } from "./core/run/mod.ts";
export type { Exported } from "./features/export/mod.ts";
export type { FileSizes } from "./core/entry/mod.ts";
export type { Packed } from "./core/subject/mod.ts";
