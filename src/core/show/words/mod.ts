/** Everything in words: the only place that knows how a number, an interval, a verdict, a module or a setting reads. */
export * from "./cost.ts";
export * from "./names.ts";
export * from "./numbers.ts";
export * from "./reading.ts";
export * from "./verdicts.ts";
