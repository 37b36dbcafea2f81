/** The form of every result, its provenance, where it is kept, and how shards merge. */
export * from "./forms/mod.ts";
export * from "./derived/accuracy.ts";
export * from "./derived/certificate.ts";
export * from "./derived/curves.ts";
export * from "./derived/findings.ts";
export * from "./derived/intervals.ts";
export * from "./derived/signs.ts";
export * from "./derived/trends.ts";
export * from "./derived/worth.ts";
export * from "./scores.ts";
export { cacheKey } from "./keeping/key.ts";
export * from "./keeping/kept.ts";
export * from "./derived/merge.ts";
export { overSeeds, perplexityOf, profileOf } from "./derived/means.ts";
export { head, type KeptKind, type Kind, METHODS, type ResultOf, VERSION } from "./kinds.ts";
export { anyResult, parseResult, readResult, resultText, writeResult } from "./keeping/store.ts";
