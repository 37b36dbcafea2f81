/** The form of every result, its provenance, where it is kept, and how shards merge. */
export type { Evaluation, TaskPart } from "./evaluation.ts";
export {
  accuracyOf,
  changesIn,
  type Main,
  meanAccuracyOf,
  meanOver,
  type ShareMain,
  type ShareMetric,
  sharesOf,
} from "./accuracy.ts";
export { type Perplexity, type RandomInit, type ResultOf } from "./forms.ts";
export {
  CAUSE_NAMES,
  type CauseCorrelation,
  type CauseName,
  type Causes,
  type MassiveActivation,
  type Smoothed,
} from "./causes.ts";
export type { CheckpointProfile, Checkpoints } from "./checkpoints.ts";
export type { AgainstLlmDrop, Agreement, Comparison, OfficialDifference } from "./comparisons.ts";
export type { Mixtures, RoutingSums } from "./mixtures.ts";
export type { ModuleMeans, Profile } from "./profile.ts";
export { type Guide, GUIDE_NAMES, type GuideName, type Guides } from "./guides.ts";
export type { Constraints, DropOrder, Sizes } from "./order.ts";
export { ORDERS, type Plan, type Sweep, TARGETS } from "./sweep.ts";
export { cacheKey } from "./key.ts";
export {
  checkpointOrigin,
  fileName,
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
  resultIn,
} from "./kept.ts";
export { joinHashes, merge } from "./merge.ts";
export { perplexityOf, profileOf } from "./means.ts";
export { head, type Kind, METHODS } from "./methods.ts";
export {
  type Change,
  changeHash,
  CHANGES,
  changesOf,
  type DropPlan,
  isFull,
  noDrop,
  planData,
  planHash,
  planOf,
} from "./plan.ts";
export { type Computed, computedAlike, computedIn, type Provenance } from "./provenance.ts";
export { schemaOf } from "./schema.ts";
export { overSeeds } from "./seeds.ts";
export type { Roofline } from "./roofline.ts";
export type { Speed } from "./speed.ts";
export type { EffectsRow, PatternsRow, Rows, SmoothingRow, WholeRow } from "./rows.ts";
export type { Receipt, Shard, Shards } from "./shards.ts";
export { parseResult, readResult, resultText, writeResult } from "./store.ts";
export type { OrderAgreement, Verification } from "./verification.ts";
export { VERSION } from "./version.ts";
