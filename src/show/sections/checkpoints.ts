/** Redundancy through training as a section: the figures of each series, what they say about claim C3, and a table of all series. */
import { MODULES } from "../../measure/mod.ts";
import { type Checkpoints, fileName } from "../../result/mod.ts";
import {
  checkpointLinesFigure,
  checkpointMapFigure,
  checkpointMovementFigure,
  checkpointQualityFigure,
} from "../figures/mod.ts";
import { qualityBySteps, trendsOf } from "../chart/checkpoint_trends.ts";
import { formatNumber } from "../chart/numbers.ts";
import type { ReportTable, Section } from "./section.ts";
import { KIND_NAMES, settingsOf } from "../chart/setting.ts";
import type { Figure } from "../chart/svg.ts";
import { optional } from "../tables/table.ts";
import { trainingClaim } from "../claims/training.ts";

/** Combines series of checkpoints. Throws `RangeError` if there is none. */
export function checkpointsSection(results: readonly Checkpoints[]): Section {
  if (results.length === 0) {
    throw new RangeError("Cannot draw training: found no series, expected at least one");
  }
  return {
    name: "checkpoints",
    title: "Training: redundancy from step to step",
    setting: settingsOf(results.map(({ name, series: [{ provenance }] }) => (
      { ...provenance, model: { ...provenance.model, name } }
    ))),
    claims: [trainingClaim(results)],
    figures: [
      checkpointMapFigure(results),
      ...results.flatMap((result) =>
        figuresOf(result).map((figure) => ({ ...figure, name: `${figure.name}_${fileName(result.name)}` }))
      ),
    ],
    tables: [medianTable(results)],
  };
}

function figuresOf(result: Checkpoints): Figure[] {
  return [
    checkpointLinesFigure(result),
    checkpointMovementFigure(result),
    ...qualityBySteps(result).length > 0 ? [checkpointQualityFigure(result)] : [],
  ];
}

/** A row for each step that any series has. */
function medianTable(results: readonly Checkpoints[]): ReportTable {
  const columns = results.flatMap((result) =>
    MODULES.map((kind) => ({
      head: `${KIND_NAMES[kind]}, ${result.name}`,
      trends: trendsOf(result, kind),
    }))
  );
  const steps = [...new Set(columns.flatMap(({ trends }) => trends.map(({ step }) => step)))]
    .sort((a, b) => a - b);
  return {
    title: "Median importance of the layers from 1 up, by step",
    head: ["step", ...columns.map(({ head }) => head)],
    rows: steps.map((step) => [
      String(step),
      ...columns.map(({ trends }) =>
        optional(trends.find((trend) => trend.step === step)?.median, formatNumber)
      ),
    ]),
  };
}
