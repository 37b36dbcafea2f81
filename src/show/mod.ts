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

export { attentionMapFigure } from "./attention_map.ts";
export { type AttentionPattern, attentionPatternFigure } from "./attention_pattern.ts";
export { causeClaims } from "./cause_claims.ts";
export { causesFigure } from "./causes_against_importance.ts";
export { effectsFigure } from "./effects_map.ts";
export { smoothingFigure } from "./smoothing_curves.ts";
export { updateNormsFigure } from "./update_norms.ts";

export { checkpointMapFigure } from "./checkpoint_map.ts";
export { checkpointLinesFigure } from "./checkpoint_lines.ts";
export { checkpointMovementFigure } from "./checkpoint_movement.ts";
export { checkpointQualityFigure } from "./checkpoint_quality.ts";

export { type InitCause, initCausesFigure } from "./init_causes.ts";
export { initClaim } from "./init_claim.ts";
export { initFitFigure } from "./init_fit.ts";
export { initMapFigure, type RatioMap } from "./init_map.ts";
export type { InitModel } from "./init_model.ts";

export { type Claim, claimsOf } from "./claims.ts";
export { generalityClaim } from "./generality.ts";
export { trainingClaim } from "./training_claim.ts";
export { type HalfDropped, qualityBySteps, type Trend, trendsOf } from "./checkpoint_trends.ts";
export { causesSection } from "./causes_section.ts";
export { checkpointsSection } from "./checkpoints_section.ts";
export { randomInitSection } from "./random_init_section.ts";
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
