/** Results for people: tables, progress, figures, a page. */
export {
  type ProgressLine,
  progressLine,
  type ProgressOutput,
  progressText,
  speaksUtf8,
} from "./progress.ts";
export { helpText, isDocumented } from "./help.ts";
export { wrap } from "./plain.ts";
export { align, printable, type TextLook } from "./tables/text.ts";
export {
  correlationWords,
  formatSeconds,
  type IntervalWords,
  intervalWords,
  lastText,
  modelOf,
  reading,
  type ReadingValue,
} from "./words/mod.ts";
export { type ProfileLook, sparkline } from "./tables/profile.ts";
export { type Result, rowsOf, tablesOf, tableText } from "./looks.ts";
export type { Table } from "./tables/table.ts";
export { estimateText, evaluatePriceText } from "./tables/prices.ts";
export { type CsvRow, toCsv } from "./chart/csv.ts";

export type { Draw, Figure } from "./chart/svg.ts";
export type { FigureOptions } from "./chart/options.ts";
export * from "./figures/mod.ts";
export { accuracyClaims, type Claim, claimsOf } from "./claims/claims.ts";

export { causeClaims } from "./claims/causes.ts";

export { initClaim, trainingClaim } from "./claims/training.ts";
export { type InitModel, measuredRatio } from "./chart/init_model.ts";

export { generalityClaim } from "./claims/generality.ts";
export type { Report, Section } from "./sections/section.ts";
export { type Findings, sections } from "./sections/sections.ts";
export { pageHtml, writeReport } from "./page/page.ts";
