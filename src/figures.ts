/**
 * Figures of results, the claims of the paper judged by them, and the differences, intervals and words that both are made of.
 */
import "./features/mod.ts";
export { type Allowance, allowance, qualityFigure, riseOf } from "./features/sweep/mod.ts";
export {
  contextFigure,
  type Interaction,
  interaction,
  interactionsFigure,
  paired,
} from "./features/losses/mod.ts";
export {
  cosineMagnitudeFigure,
  directionsFigure,
  dropOrderFigure,
  importanceFigure,
  magnitudeFigure,
  signFigure,
  stabilityFigure,
  textsFigure,
} from "./features/profile/mod.ts";
export { accuracyChange, accuracyFigure } from "./features/evaluate/mod.ts";
export { certificateFigure } from "./features/compare/mod.ts";
export { fitFigure } from "./features/fit/mod.ts";
export { type LineColumns, linesFigure, spikesFigure } from "./features/observe/mod.ts";
export { guidesFigure } from "./features/orders/mod.ts";
export { speedFigure } from "./features/speed/mod.ts";
export {
  attentionMapFigure,
  causesFigure,
  causesScatterFigure,
  correlationWords,
  effectsFigure,
  smoothingFigure,
  updateNormsFigure,
} from "./features/causes/mod.ts";
export {
  checkpointLinesFigure,
  checkpointMapFigure,
  checkpointQualityFigure,
  type HalfDropped,
  medianGaps,
  qualityBySteps,
  type Trend,
  trendsOf,
} from "./features/training/mod.ts";
export {
  initFitFigure,
  initMapFigure,
  type InitModel,
  measuredRatio,
  type RatioMap,
} from "./features/untrained/mod.ts";
export {
  accuracyClaims,
  causeClaims,
  type Claim,
  claimsOf,
  generalityClaim,
  initClaim,
  trainingClaim,
} from "./apps/pages/mod.ts";
export type { CsvRow } from "./core/show/chart/csv.ts";
export type { Draw, Figure } from "./core/show/chart/svg.ts";
export type { figureChecks, FigureOptions } from "./core/show/chart/options.ts";
export { type IntervalWords, intervalWords } from "./core/show/words/verdicts.ts";
export {
  byInterval,
  type Difference,
  type Ends,
  type Rise,
  type RiseInterval,
  type Sign,
  type Sorted,
} from "./core/result/mod.ts";
export { type AccuracyChange, median, type Verdict } from "./core/measure/mod.ts";
