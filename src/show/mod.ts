/** Results for people: tables, progress, figures, a page. */
export { type ProgressLine, progressLine, type ProgressOutput, progressText } from "./progress.ts";

export { align, type TextLook } from "./table.ts";
export { formatSeconds } from "./numbers.ts";
export {
  type ComparisonRows,
  comparisonTable,
  perplexityTable,
  planTable,
  type ProfileLook,
  profileTable,
  sparkline,
} from "./terminal.ts";
export { doctorTable } from "./doctor_table.ts";
export { causesTable } from "./causes_table.ts";
export { againstTable } from "./against_table.ts";
export { checkpointTable } from "./checkpoint_table.ts";
export { randomInitTable } from "./random_init_table.ts";
export { estimateText, sweepTable } from "./sweep_table.ts";

export type { Figure } from "./svg.ts";
export { importanceFigure } from "./importance.ts";
export { dropOrderFigure } from "./drop_order.ts";
export { qualityFigure } from "./quality.ts";
export { divergenceFigure } from "./divergence.ts";
export { stabilityFigure } from "./stability.ts";
export { textsFigure } from "./texts.ts";
export { magnitudeFigure } from "./magnitude.ts";
export { streamNormFigure } from "./stream_norm.ts";
export { signFigure } from "./sign.ts";
export { cosineMagnitudeFigure } from "./cosine_magnitude.ts";

export { type Claim, claimsOf } from "./claims.ts";
export { generalityClaim } from "./generality.ts";
export {
  importanceSection,
  magnitudeSection,
  qualitySection,
  type Report,
  reportOf,
  type ReportTable,
  type Results,
  type Section,
} from "./report.ts";
export { pageHtml } from "./page.ts";
export { writeFigures, writeReport } from "./files.ts";
