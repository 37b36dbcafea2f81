/** Pure arithmetic: from sums to importance, magnitude, sign, intervals and correlations. */
export { addProducts, addStreams, angularDistance, type DistanceSums, noDistances } from "./angle.ts";
export { calibrationError } from "./calibration.ts";
export { type AccuracyChange, changeOver, type Verdict, VERDICTS } from "./change.ts";
export { PATTERN_NAMES, type PatternName, queryPositions } from "./attention_pattern.ts";
export { DEVICE_NAMES, type DeviceName, DEVICES } from "./devices.ts";
export { effectiveRank } from "./effective_rank.ts";
export { crossing, FIRST_LAYER, moduleRatio, type RatioPoint, typical } from "./module_ratio.ts";
export { drift, rankStability } from "./drift.ts";
export { initTheory, type Predicted, type Untrained } from "./init_theory.ts";
export { KINDS, type LayerModule, type ModuleKind, MODULES } from "./kinds.ts";
export { type Massive, massiveActivations } from "./massive.ts";
export { type Changes, changesOf, documentsNeeded, type Interval } from "./paired.ts";
export { type Quartiles, quartiles } from "./quartiles.ts";
export { rankInterval } from "./rank_interval.ts";
export { inDropOrder, type Placed, rankModules } from "./ranking.ts";
export { gamma, type Roof, roofSeconds, type Work } from "./roofline.ts";
export { type RoutingSums, sumRouting } from "./routing.ts";
export { meanInterval, shareInterval } from "./share.ts";
export { sinkRate } from "./sink.ts";
export {
  type Smoothing,
  smoothing,
  SMOOTHING_NAMES,
  type SmoothingName,
  type SmoothingSums,
} from "./smoothing.ts";
export {
  correlation,
  deviation,
  halfWidth95,
  mean,
  ranks,
  spearman,
  standardError,
  studentT95,
} from "./statistics.ts";
export {
  cosineDistance,
  importanceOf,
  placesInGram,
  sumUpdates,
  type UpdatePlaces,
  type UpdateSums,
} from "./update.ts";
export { type Allowance, correlates, interval95, type Rise, toldSign, withinBudget } from "./verdict.ts";
