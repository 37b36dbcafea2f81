/** The form of every result, its provenance, where it is kept, and how shards merge. */
export { forms, type Kind, type Perplexity, type RandomInit } from "./forms.ts";
export {
  CAUSE_NAMES,
  type CauseCorrelation,
  type CauseName,
  type Causes,
  type MassiveActivation,
  PATTERN_NAMES,
  type PatternName,
  type Smoothed,
  SMOOTHING_NAMES,
  type SmoothingName,
} from "./causes.ts";
export type { CheckpointProfile, Checkpoints } from "./checkpoints.ts";
export type { ModuleMeans, Profile } from "./profile.ts";
export type { Plan, Sweep } from "./sweep.ts";
export { joinHashes, merge } from "./merge.ts";
export { perplexityOf, profileOf } from "./means.ts";
export type { Provenance } from "./provenance.ts";
export { overSeeds } from "./seeds.ts";
export { VERSION } from "./version.ts";
export { cacheKey, keptResult, readResult, resultPath, writeResult, writeWhole } from "./store.ts";
