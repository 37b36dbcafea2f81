import { KINDS } from "../../../measure/mod.ts";
import {
  type Checkpoints,
  SAME_RANKING,
  seriesProvenance,
  settledFrom,
  type Trend,
  trendsOf,
} from "../../../result/mod.ts";
import { linearAxis, stepAxis } from "../../chart/draw/axes.ts";
import { byKind, lineChart, upFrom } from "../../chart/plots.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { type Finding, KIND_NAMES, reading, settingOf } from "../../words/mod.ts";

/** Draws how much importance changes between checkpoints above, its rank correlation with the last one below. */
export const checkpointMovementFigure: Draw<[Checkpoints]> = figure(
  "checkpoint_movement",
  "checkpoints",
  (result) => {
    const trends = KINDS.map((kind) => trendsOf(result, kind));
    const rows = trends.flat().map(({ kind, step, drift, withBefore, withLast }) => ({
      module: kind,
      step,
      drift,
      rank_correlation_with_before: withBefore,
      rank_correlation_with_last: withLast,
    }));
    const channels = { height: 300, across: stepAxis(result.series.map(({ step }) => step)) };
    const moved = rows.map((row) => ({ ...row, drift: row.drift || null }));
    return {
      rows,
      title: finding(result),
      shows: [
        "Layers from 1 up. Top: mean |change| of importance since the previous checkpoint.",
        "Bottom: rank correlation with the last checkpoint's importance.",
      ],
      setting: settingOf(seriesProvenance(result)),
      reads: trends.some((trend) => trend.some(({ drift }) => drift !== null))
        ? trends.map(ends)
        : ["A single checkpoint shows no change."],
      panels: [
        lineChart(byKind(moved), "step", "drift", {
          ...channels,
          up: upFrom("drift of importance (log)", { log: true }),
        }),
        lineChart(byKind(rows), "step", "rank_correlation_with_last", {
          ...channels,
          up: linearAxis([-1, 1], "rank correlation with the last step"),
        }),
      ],
    };
  },
);

function finding(result: Checkpoints): Finding {
  const settled = settledFrom(result);
  if (!settled) return { topic: "Importance through training" };
  const { step, isOpen } = settled;
  const limit = `(correlation above ${SAME_RANKING}, 95 %)`;
  if (step !== null) {
    return { found: `Attention's ranking agrees with the last checkpoint's ${limit} from step ${step} on` };
  }
  return isOpen
    ? { open: `from which step on attention's ranking agrees with the last checkpoint's ${limit}` }
    : { found: `No earlier checkpoint ranks attention as the last one does ${limit}` };
}

function ends(trend: readonly Trend[]): string {
  const [first, before] = [trend.find(({ drift }) => drift !== null), trend.at(-1)!];
  if (!first) return "";
  const [{ kind, step, withLast }] = trend;
  const drift = before.drift === null ? "unknown" : { measured: before.drift };
  const rank = withLast !== null &&
    reading`; rank correlation of step ${String(step)} with the last: ${{ fixed: withLast, decimals: 2 }}`;
  return reading`${KIND_NAMES[kind]}: drift ${{ measured: first.drift! }} at step ${String(first.step)},
    ${drift} at step ${String(before.step)}${rank}.`;
}
