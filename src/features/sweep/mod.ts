export * from "./chart.ts";
export * from "./curves.ts";
export * from "./derived.ts";
export * from "./figures.ts";
export {
  calibrated,
  calibratedChecks,
  type CalibratedOptions,
  likelyPlans,
  standIn,
  sweepPasses,
} from "./parts.ts";
export * from "./result.ts";
export { sweep, type SweepOptions, sweepStudy } from "./study.ts";
export * from "./table.ts";
export * from "./words.ts";
