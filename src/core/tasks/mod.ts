/** Benchmark tasks: rows, requests, shots, tokens, metrics; equal to lm-eval 0.4.13 to the letter; and probes that are made here. */
export * from "./metrics.ts";
export * from "./names.ts";
export * from "./requests.ts";
export * from "./sources.ts";
export * from "./task.ts";
export * from "./tokens.ts";
