/** Results for people: tables, progress, figures, a page. */
export { type ProgressLine, progressLine, type ProgressOutput, progressText } from "./progress.ts";
export {
  type ComparisonRows,
  comparisonTable,
  perplexityTable,
  planTable,
  type ProfileLook,
  profileTable,
  sparkline,
  sweepTable,
  type TextLook,
} from "./terminal.ts";
