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
export { type Perplexity, type RandomInit, type ResultOf, schemaOf } from "./forms.ts";
export {
  CAUSE_NAMES,
  type CauseCorrelation,
  type CauseName,
  type Causes,
  type EffectsRow,
  type MassiveActivation,
  type PatternsRow,
  type Rows,
  type Smoothed,
  type SmoothingRow,
  type WholeRow,
} from "./causes.ts";
export type {
  AgainstLlmDrop,
  Agreement,
  Comparison,
  OfficialDifference,
  OrderAgreement,
  Verification,
} from "./comparisons.ts";
export type {
  CheckpointProfile,
  Checkpoints,
  Mixtures,
  ModuleMeans,
  Profile,
  RoutingSums,
} from "./profile.ts";
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
export { overSeeds, perplexityOf, profileOf } from "./means.ts";
export { head, type Kind, METHODS } from "./methods.ts";
export { type Computed, computedAlike, computedIn, type Provenance } from "./provenance.ts";
export type { Roofline } from "./roofline.ts";
export type { Speed } from "./speed.ts";
export type { Receipt, Shard, Shards } from "./shards.ts";
export { parseResult, readResult, resultText, writeResult } from "./store.ts";
export { VERSION } from "./version.ts";
