/**
 * Figures of results, the claims of the paper judged by them, and the differences, intervals and words that both are made of.
 */
export { type Allowance, allowance, paired } from "./study/mod.ts";
export * from "./show/figures/mod.ts";
export {
  accuracyClaims,
  causeClaims,
  type Claim,
  claimsOf,
  correlationWords,
  type CsvRow,
  type Draw,
  type Figure,
  type FigureOptions,
  generalityClaim,
  initClaim,
  type InitModel,
  type IntervalWords,
  intervalWords,
  measuredRatio,
  trainingClaim,
} from "./show/mod.ts";
export {
  accuracyChange,
  byInterval,
  type Ends,
  type HalfDropped,
  medianGaps,
  qualityBySteps,
  type Rise,
  type RiseInterval,
  riseOf,
  type Sign,
  type Sorted,
  type Trend,
  trendsOf,
} from "./result/mod.ts";
export { type AccuracyChange, median, type Verdict } from "./measure/mod.ts";
