/** The form of every result, its provenance, where it is kept, and how shards merge. */
export * from "./derived/intervals.ts";
export * from "./derived/merge.ts";
export * from "./forms/plan.ts";
export * from "./forms/provenance.ts";
export * from "./forms/shards.ts";
export * from "./keeping/kept.ts";
export * from "./keeping/key.ts";
export * from "./keeping/store.ts";
export * from "./kind.ts";
export * from "./scores.ts";
