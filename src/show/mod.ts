/** Results for people: tables, progress, figures, a page. */
export { type ProgressLine, progressLine, type ProgressOutput, progressText } from "./progress.ts";

export { speaksUtf8 } from "./locale.ts";
export { wrap } from "./wrap.ts";
export { align, printable, type TextLook } from "./tables/table.ts";
export { formatSeconds } from "./chart/numbers.ts";
export {
  comparisonTable,
  perplexityTable,
  planTable,
  type ProfileLook,
  profileTable,
  sparkline,
} from "./tables/terminal.ts";
export { doctorTable } from "./tables/doctor.ts";
export { guidesTable } from "./tables/guides.ts";
export { rooflineRows, rooflineTable } from "./tables/roofline.ts";
export { speedRows, speedTable } from "./tables/speed.ts";
export { orderTable } from "./tables/order.ts";
export { verifyRows, verifyTable } from "./tables/verify.ts";
export { causesTable } from "./tables/causes.ts";
export { againstTable } from "./tables/against.ts";
export { checkpointTable } from "./tables/checkpoints.ts";
export { randomInitTable } from "./tables/random_init.ts";
export { evaluatePriceText, evaluationRows, evaluationTable } from "./tables/evaluation.ts";
export { estimateText, sweepTable } from "./tables/sweep.ts";
export {
  againstRows,
  causesRows,
  checkpointRows,
  comparisonRows,
  guidesRows,
  orderRows,
  perplexityRows,
  planRows,
  profileRows,
  randomInitRows,
  sweepRows,
  textRows,
} from "./tables/rows.ts";
export { type CsvRow, toCsv } from "./chart/csv.ts";

export { describeChanges, modelOf } from "./chart/setting.ts";
export type { Figure } from "./chart/svg.ts";
export { comparisonFigure } from "./figures/comparison.ts";
export { importanceFigure } from "./figures/importance.ts";
export { dropOrderFigure } from "./figures/drop_order.ts";
export { qualityFigure } from "./figures/quality.ts";
export { divergenceFigure } from "./figures/divergence.ts";
export { stabilityFigure } from "./figures/stability.ts";
export { textsFigure } from "./figures/texts.ts";
export { magnitudeFigure } from "./figures/magnitude.ts";
export { expertLoadFigure } from "./figures/expert_load.ts";
export { streamNormFigure } from "./figures/stream_norm.ts";
export { signFigure } from "./figures/sign.ts";
export { accuracyFigure } from "./figures/accuracy.ts";
export { accuracyClaims } from "./claims/accuracy.ts";
export { accuracyChange, type Dropped } from "./chart/accuracy.ts";
export { rooflineFigure } from "./figures/roofline.ts";
export { speedFigure } from "./figures/speed.ts";
export { guidesFigure } from "./figures/guides.ts";
export { cosineMagnitudeFigure } from "./figures/cosine_magnitude.ts";

export { attentionMapFigure } from "./figures/attention_map.ts";
export { type AttentionPattern, attentionPatternFigure } from "./figures/attention_pattern.ts";
export { causeClaims } from "./claims/causes.ts";
export { causesFigure } from "./figures/causes_against_importance.ts";
export { effectsFigure } from "./figures/effects_map.ts";
export { smoothingFigure } from "./figures/smoothing_curves.ts";
export { updateNormsFigure } from "./figures/update_norms.ts";

export { checkpointMapFigure } from "./figures/checkpoint_map.ts";
export { checkpointLinesFigure } from "./figures/checkpoint_lines.ts";
export { checkpointMovementFigure } from "./figures/checkpoint_movement.ts";
export { checkpointQualityFigure } from "./figures/checkpoint_quality.ts";

export { type InitCause, initCausesFigure } from "./figures/init_causes.ts";
export { initClaim } from "./claims/untrained.ts";
export { initFitFigure } from "./figures/init_fit.ts";
export { initMapFigure, type RatioMap } from "./figures/init_map.ts";
export { type InitModel, measuredRatio } from "./chart/init_model.ts";

export { type Claim, claimsOf } from "./claims/claims.ts";
export { generalityClaim } from "./claims/generality.ts";
export { trainingClaim } from "./claims/training.ts";
export { type HalfDropped, qualityBySteps, type Trend, trendsOf } from "./chart/checkpoint_trends.ts";
export type { Report, ReportTable, Section } from "./sections/section.ts";
export { type Findings, sections } from "./sections/sections.ts";
export { pageHtml } from "./page/page.ts";
export { writeFigures, writeReport } from "./files.ts";
export {
  byInterval,
  type Difference,
  type Ends,
  medianGaps,
  type Rise,
  riseOf,
  type Sorted,
} from "./intervals.ts";
export { median } from "./chart/summary.ts";
export {
  correlationWords,
  type IntervalWords,
  intervalWords,
  reading,
  type ReadingValue,
} from "./reading.ts";
