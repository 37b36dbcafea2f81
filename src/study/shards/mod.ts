/** The studies that can be divided over machines. */
export { type Division, type ShardOptions, type Span, spansOf, type Stage } from "./division.ts";
export { NotKept, recordedEngine } from "./recorded.ts";
export { causesShards } from "./causes.ts";
export { checkpointShards } from "./checkpoints.ts";
export { evaluateShards } from "./evaluate.ts";
export { orderShards } from "./order.ts";
export { perplexityShards } from "./perplexity.ts";
export { profileShards } from "./profile.ts";
export { randomInitShards } from "./random_init.ts";
export { sweepShards } from "./sweep.ts";
