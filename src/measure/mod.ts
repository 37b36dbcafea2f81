/** Pure arithmetic: from sums to importance, magnitude, sign, intervals and correlations. */
export { addProducts, addStreams, angularDistance, type DistanceSums, noDistances } from "./streams/angle.ts";
export { type Estimate, meanPart, ratio95, slopePart } from "./statistics/bootstrap.ts";
export { calibrationError, meanInterval, shareInterval } from "./statistics/share.ts";
export { type AccuracyChange, changeOver, type Verdict, VERDICTS } from "./statistics/change.ts";
export { PATTERN_NAMES, type PatternName, queryPositions, sinkRate } from "./streams/attention_pattern.ts";
export {
  DEVICE_NAMES,
  type DeviceName,
  DEVICES,
  gamma,
  type Roof,
  roofSeconds,
  type Work,
} from "./roofline.ts";
export {
  acceptanceOf,
  type BestDraft,
  bestDraft,
  costLimit,
  type Draft,
  draftSpeedup,
  MOST_DRAFTED,
  tokensOfRound,
} from "./drafting.ts";
export { effectiveRank } from "./streams/effective_rank.ts";
export { crossing, FIRST_LAYER, moduleRatio, type RatioPoint, typical } from "./untrained/module_ratio.ts";
export {
  correlation,
  deviation,
  drift,
  halfWidth95,
  mean,
  median,
  present,
  quartiles,
  ranks,
  rankStability,
  spearman,
  standardError,
  studentT95,
} from "./statistics/statistics.ts";
export { initTheory, type Predicted, type Untrained } from "./untrained/init_theory.ts";
export { KINDS, type LayerModule, type ModuleKind, MODULES } from "./kinds.ts";
export {
  type Change,
  CHANGE_FIELDS,
  type ChangeField,
  changeHash,
  CHANGES,
  changeTexts,
  type DropPlan,
  everyChange,
  isFull,
  noDrop,
  oddField,
  planHash,
  planOf,
  planPhrase,
  planText,
  type RepairName,
  REPAIRS,
} from "./plan.ts";
export { massiveActivations } from "./streams/massive.ts";
export { type Changes, changesOf, documentsNeeded, type Interval } from "./statistics/paired.ts";
export {
  type Allowance,
  correlates,
  interval95,
  rankInterval,
  type Rise,
  toldSign,
  withinBudget,
} from "./statistics/verdict.ts";
export {
  cosine,
  type Prediction,
  prediction,
  PREDICTION_MEASURES,
  type PredictionChange,
  predictionChange,
  type PredictionMeasure,
} from "./predictions.ts";
export { overlapOf, pairsOf, rankAgreement, rankCorrelation } from "./statistics/pairs.ts";
export { inDropOrder, rankModules } from "./statistics/ranking.ts";
export { type RoutingSums, sumRouting } from "./streams/routing.ts";
export {
  type Smoothing,
  smoothing,
  SMOOTHING_NAMES,
  type SmoothingName,
  type SmoothingSums,
} from "./streams/smoothing.ts";
export {
  cosineDistance,
  importanceOf,
  OUTSIZED,
  outsizedLayers,
  placesInGram,
  sumUpdates,
  type UpdatePlaces,
  type UpdateSums,
} from "./streams/update.ts";
