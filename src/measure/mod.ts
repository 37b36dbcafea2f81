/** Pure arithmetic: from sums to importance, magnitude, sign, intervals and correlations. */
export { addProducts, addStreams, angularDistance, type DistanceSums, noDistances } from "./streams/angle.ts";
export { calibrationError } from "./statistics/calibration.ts";
export { type AccuracyChange, changeOver, type Verdict, VERDICTS } from "./statistics/change.ts";
export { PATTERN_NAMES, type PatternName, queryPositions } from "./streams/attention_pattern.ts";
export { DEVICE_NAMES, type DeviceName, DEVICES } from "./devices.ts";
export { effectiveRank } from "./streams/effective_rank.ts";
export { crossing, FIRST_LAYER, moduleRatio, type RatioPoint, typical } from "./untrained/module_ratio.ts";
export { drift, rankStability } from "./statistics/drift.ts";
export { initTheory, type Predicted, type Untrained } from "./untrained/init_theory.ts";
export { KINDS, type LayerModule, type ModuleKind, MODULES } from "./kinds.ts";
export { type Massive, massiveActivations } from "./streams/massive.ts";
export { type Changes, changesOf, documentsNeeded, type Interval } from "./statistics/paired.ts";
export { type Quartiles, quartiles } from "./statistics/quartiles.ts";
export { rankInterval } from "./statistics/rank_interval.ts";
export { gamma, type Roof, roofSeconds, type Work } from "./roofline.ts";
export { type RoutingSums, sumRouting } from "./streams/routing.ts";
export { meanInterval, shareInterval } from "./statistics/share.ts";
export { sinkRate } from "./streams/sink.ts";
export {
  type Smoothing,
  smoothing,
  SMOOTHING_NAMES,
  type SmoothingName,
  type SmoothingSums,
} from "./streams/smoothing.ts";
export {
  correlation,
  deviation,
  halfWidth95,
  mean,
  ranks,
  spearman,
  standardError,
  studentT95,
} from "./statistics/statistics.ts";
export {
  cosineDistance,
  importanceOf,
  placesInGram,
  sumUpdates,
  type UpdatePlaces,
  type UpdateSums,
} from "./streams/update.ts";
export {
  type Allowance,
  correlates,
  interval95,
  type Rise,
  toldSign,
  withinBudget,
} from "./statistics/verdict.ts";
