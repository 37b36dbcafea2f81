/** The form of every result, its provenance, where it is kept, and how shards merge. */
export type * from "./forms/mod.ts";
export {
  AIMS,
  CAUSE_NAMES,
  checkpointOrigin,
  computedAlike,
  computedIn,
  generationOrigin,
  orderOrigin,
  PLAN_FIELDS,
  planData,
  replacementOrigin,
} from "./forms/mod.ts";
export * from "./derived/accuracy.ts";
export * from "./derived/curves.ts";
export * from "./derived/intervals.ts";
export * from "./derived/signs.ts";
export * from "./derived/trends.ts";
export {
  GUIDE_NAMES,
  type GuideName,
  GUIDES,
  isByImportance,
  isSeeded,
  ORDERS,
  PAPER_SCORE,
  type RankName,
  RANKS,
  type ScoreName,
  SCORES,
  type Target,
  TARGETS,
} from "./scores.ts";
export { cacheKey } from "./keeping/key.ts";
export {
  fileName,
  isKept,
  keep,
  keepAs,
  type Keeping,
  keepingFailure,
  keptOf,
  keptOr,
  keptResult,
  recordKept,
  resultIn,
} from "./keeping/kept.ts";
export { joinHashes, merge } from "./derived/merge.ts";
export { overSeeds, perplexityOf, profileOf } from "./derived/means.ts";
export { head, type Kind, METHODS, type ResultOf, schemaOf } from "./kinds.ts";
export { parseResult, readResult, resultText, writeResult } from "./keeping/store.ts";
export { VERSION } from "./version.ts";
