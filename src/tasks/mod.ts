/** Benchmark tasks: rows, requests, shots, tokens, metrics; equal to lm-eval 0.4.13 to the letter; and probes that are made here. */
export {
  averaged,
  beforeStops,
  chosen,
  type Estimate,
  estimate,
  exactMatch,
  extractAnswer,
  type Outcome,
  pooled,
  scoreDocument,
} from "./metrics.ts";
export { suites, taskGroups, taskNames, tasksNamed } from "./names.ts";
export { buildRequests, type Document } from "./requests.ts";
export { describeSource, readSplit } from "./sources.ts";
export type { Metric, Request, Split, Task } from "./task.ts";
export { type BosRule, encodeText, feed, type PairTokens, pairTokens } from "./tokens.ts";
