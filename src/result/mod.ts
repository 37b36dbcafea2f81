/** The form of every result, its provenance, where it is kept, and how shards merge. */
export type { DraftCost } from "./forms/draft.ts";
export type { Evaluation, TaskPart } from "./forms/evaluation.ts";
export {
  accuracyOf,
  changesIn,
  type Main,
  meanAccuracyOf,
  meanOver,
  type ShareMain,
  type ShareMetric,
  sharesOf,
} from "./derived/accuracy.ts";
export { type Perplexity, type RandomInit, type ResultOf, schemaOf } from "./forms/forms.ts";
export {
  CAUSE_NAMES,
  type CauseCorrelation,
  type CauseName,
  type Causes,
  type EffectsRow,
  type MassiveActivation,
  type PatternsRow,
  type PredictabilityRow,
  type Rows,
  type Shares,
  type Smoothed,
  type SmoothingRow,
  type WholeRow,
} from "./forms/causes.ts";
export type { AgainstLlmDrop, Agreement, Comparison, OfficialDifference } from "./forms/comparisons.ts";
export type {
  CheckpointProfile,
  Checkpoints,
  Mixtures,
  ModuleMeans,
  Profile,
  RoutingSums,
} from "./forms/profile.ts";
export type { Constraints, DropOrder, Guide, Guides, OrderCheck } from "./forms/order.ts";
export { AIMS, type Fit } from "./forms/fit.ts";
export type { Info } from "./forms/info.ts";
export type { Sizes } from "./forms/sizes.ts";
export { type Last, type Plan, PLAN_FIELDS, type Sweep } from "./forms/sweep.ts";
export {
  GUIDE_NAMES,
  type GuideName,
  GUIDES,
  ORDERS,
  PAPER_SCORE,
  type RankName,
  RANKS,
  type ScoreLook,
  type ScoreName,
  SCORES,
  type Target,
  TARGETS,
} from "./scores.ts";
export { cacheKey } from "./keeping/key.ts";
export {
  checkpointOrigin,
  fileName,
  generationOrigin,
  type GenerationRequest,
  isKept,
  keep,
  keepAs,
  type Keeping,
  keepingFailure,
  keptOf,
  keptOr,
  keptResult,
  orderOrigin,
  recordKept,
  replacementOrigin,
  type ReplacementRequest,
  resultIn,
} from "./keeping/kept.ts";
export { joinHashes, merge } from "./derived/merge.ts";
export { overSeeds, perplexityOf, profileOf } from "./derived/means.ts";
export { head, type Kind, METHODS } from "./methods.ts";
export {
  type Computed,
  computedAlike,
  computedIn,
  planData,
  type Provenance,
  type SharedText,
} from "./forms/provenance.ts";
export type { Roofline } from "./forms/roofline.ts";
export type { Generation, TextChanges } from "./forms/generation.ts";
export type { Speed } from "./forms/speed.ts";
export type { Receipt, Shard, Shards } from "./forms/shards.ts";
export { parseResult, readResult, resultText, writeResult } from "./keeping/store.ts";
export { VERSION } from "./version.ts";
