/**
 * Lamina: which layers of a transformer can be left out, and what it costs.
 *
 * Not run by tests: it fetches the model.
 *
 * ```ts ignore
 * import { makePlan, openModel, perplexities, profile } from "lamina";
 *
 * const model = await openModel("smollm2-135m");
 * const importance = await profile(model, { samples: 2, length: 128 });
 * const plan = makePlan(importance, { target: "attention", drop: 8 });
 * const [full, dropped] = await perplexities(model, [{}, plan], { samples: 2, length: 128 });
 * ```
 */
export {
  againstLlmDrop,
  type Allowance,
  allowance,
  analyses,
  type AnalysisName,
  type AnalysisOptions,
  type AttentionOf,
  attentionOf,
  type AttentionOptions,
  atWidth,
  CALIBRATION_TEXT,
  causes,
  causesEstimate,
  type CausesMeasures,
  type CausesOptions,
  checkpoints,
  type CheckpointsOptions,
  compare,
  type ComputedRatio,
  computedRatio,
  type Curve,
  curvesOf,
  decompose,
  distinct,
  droppable,
  dropsIn,
  type EngineOptions,
  type Estimate,
  estimate,
  generate,
  type Generated,
  type GenerateOptions,
  type Head,
  HELD_OUT_TEXT,
  importanceOf,
  initModel,
  initModels,
  type MagnitudeShare,
  magnitudeShare,
  makePlan,
  type MeasuredInit,
  type Order,
  type Paired,
  paired,
  type Parts,
  perplexities,
  type PlanOptions,
  predictInit,
  profile,
  type ProfileOptions,
  randomInit,
  randomInitEstimate,
  type RandomInitOptions,
  rank,
  type Ranked,
  ratioMap,
  type Removal,
  removalAgreement,
  removals,
  type Scores,
  SIZES,
  START_CURVES,
  type StudyOptions,
  sweep,
  SWEEP_STEPS,
  sweepEstimate,
  sweepSteps,
  type Target,
  untrainedCauses,
  untrainedCausesEstimate,
  type Written,
} from "./study/mod.ts";
export {
  type Checkpoint,
  type NamedConfig,
  openConfig,
  openModel,
  openSeries,
  type Outline,
  type Packed,
  packText,
  type Series,
  type StudyModel,
  textNames,
  type TextOptions,
  zipfText,
} from "./subject/mod.ts";
export type { Progress, Reports } from "./entry/mod.ts";
export * from "./doctor/mod.ts";
export type { EngineName, Precision } from "./engine/mod.ts";
export type {
  AgainstLlmDrop,
  Agreement,
  Causes,
  Checkpoints,
  Comparison,
  Computed,
  OfficialDifference,
  Perplexity,
  Plan,
  Profile,
  Provenance,
  RandomInit,
  Sweep,
} from "./result/mod.ts";
export { merge, readResult, writeResult } from "./result/mod.ts";
export type { Keeping, Kind, ResultOf } from "./result/mod.ts";
export type { DropPlan } from "./run/mod.ts";
export type { Predicted, RatioPoint } from "./measure/mod.ts";
export type { Reshaping } from "./models/mod.ts";
export type { Blocks, Tokenizer } from "./text/mod.ts";
export type { CacheEntry, Damaged, KnownModel, OpenOptions, SeriesOptions, Verified } from "./hub/mod.ts";
export { cacheEntries, knownModels, pruneCache, verifyCache } from "./hub/mod.ts";
export { help, show } from "./show/cell.ts";
export {
  attentionMapFigure,
  type AttentionPattern,
  attentionPatternFigure,
  causeClaims,
  causesFigure,
  checkpointLinesFigure,
  checkpointMapFigure,
  checkpointMovementFigure,
  checkpointQualityFigure,
  type Claim,
  claimsOf,
  cosineMagnitudeFigure,
  divergenceFigure,
  dropOrderFigure,
  effectsFigure,
  type Figure,
  generalityClaim,
  type HalfDropped,
  importanceFigure,
  type InitCause,
  initCausesFigure,
  initClaim,
  initFitFigure,
  initMapFigure,
  type InitModel,
  magnitudeFigure,
  type ModuleKind,
  qualityBySteps,
  qualityFigure,
  type RatioMap,
  signFigure,
  smoothingFigure,
  stabilityFigure,
  textsFigure,
  trainingClaim,
  type Trend,
  trendsOf,
  updateNormsFigure,
} from "./show/mod.ts";
