/** Benchmark tasks: rows, requests, shots, tokens, metrics; equal to lm-eval 0.4.13 to the letter. */
export { beforeStops, exactMatch, extractAnswer } from "./answers.ts";
export type { Fields } from "./fields.ts";
export {
  averaged,
  type Estimate,
  estimate,
  type Outcome,
  pooled,
  type Score,
  scoreDocument,
} from "./metrics.ts";
export { type SuiteEntry, suites, taskGroups, taskNames, tasksNamed } from "./names.ts";
export { buildRequests, type Document, type RequestOptions } from "./requests.ts";
export { describeSource, readSplit } from "./sources.ts";
export type { DataFile, Generation, Metric, Pool, Request, Split, Task } from "./task.ts";
export { type BosRule, encodeText, type Fed, feed, type PairTokens, pairTokens } from "./tokens.ts";
