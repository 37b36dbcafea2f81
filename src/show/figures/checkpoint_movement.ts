/** How much importance changes from checkpoint to checkpoint, and how early it reaches its final ranking. */
import { KINDS } from "../../measure/mod.ts";
import { expect, resultOf } from "../../entry/mod.ts";
import type { Checkpoints } from "../../result/mod.ts";
import { COLORS, linearAxisY, logAxisY, logDomain } from "../chart/axes.ts";
import { stepChart, type StepLine } from "../chart/checkpoint_axis.ts";
import { seriesSetting, type Trend, trendsOf } from "../chart/checkpoint_trends.ts";
import { SHAPES } from "../chart/marks.ts";
import { formatFixed, formatNumber } from "../chart/numbers.ts";
import { KIND_NAMES } from "../chart/setting.ts";
import { drawFigure, type Figure } from "../chart/svg.ts";

/**
 * Draws drift between checkpoints above, rank correlation with the last one below.
 *
 * @example
 * ```ts
 * import { checkpointMovementFigure, checkpoints, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = checkpointMovementFigure(result);
 * ```
 */
export function checkpointMovementFigure(result: Checkpoints): Figure {
  expect("draw", "result", result, resultOf("checkpoints"));
  const trends = KINDS.map((kind) => trendsOf(result, kind));
  const steps = result.series.map(({ step }) => step);
  const lines = (read: (trend: Trend) => number | null): StepLine[] =>
    trends.map((trend, i) => ({
      label: KIND_NAMES[KINDS[i]],
      color: COLORS[KINDS[i]],
      shape: SHAPES[KINDS[i]],
      points: trend.map((entry) => ({ step: entry.step, value: read(entry) })),
    }));
  const drifts = trends.flat().flatMap(({ drift }) => drift ?? []);
  const domain = logDomain(drifts);
  return drawFigure({
    name: "checkpoint_movement",
    title: titleOf(trends[0]),
    subtitle: "Layers from 1 up. Top: mean |change| of importance since the previous checkpoint. " +
      "Bottom: rank correlation with the last checkpoint's importance.",
    setting: seriesSetting(result),
    reading: trends.flatMap((trend, i) => readingOf(KIND_NAMES[KINDS[i]], trend)).join(" ") ||
      "A single checkpoint shows no change.",
    panels: [
      stepChart(lines(({ drift }) => drift && drift > 0 ? drift : null), {
        steps,
        y: { type: "log", domain },
        axis: logAxisY(domain, "drift of importance (log)"),
        height: 300,
      }),
      stepChart(lines(({ withLast }) => withLast), {
        steps,
        y: { type: "linear", domain: [-1, 1] },
        axis: linearAxisY("rank correlation with the last step"),
        height: 300,
      }),
    ],
    rows: trends.flat().map(({ kind, step, drift, withBefore, withLast }) => ({
      module: KIND_NAMES[kind],
      step,
      drift,
      rank_correlation_with_before: withBefore,
      rank_correlation_with_last: withLast,
    })),
  });
}

/** Correlation that counts as the same ranking, for the title. */
const SAME = 0.8;

function titleOf(attention: readonly Trend[]): string {
  const known = attention.filter(({ withLast }) => withLast !== null);
  const from = known.findLastIndex(({ withLast }) => withLast! < SAME) + 1;
  if (known.length === 0) return "Importance through training";
  return from < known.length
    ? `Attention's ranking agrees with the last checkpoint's (correlation above ${SAME}) from step ${
      known[from].step
    } on`
    : `No earlier checkpoint ranks attention as the last one does (correlation above ${SAME})`;
}

function readingOf(name: string, trend: readonly Trend[]): string[] {
  const [first, before] = [trend.find(({ drift }) => drift !== null), trend.at(-1)!];
  if (!first) return [];
  const firstRank = trend[0].withLast;
  return [
    `${name}: drift ${formatNumber(first.drift!)} at step ${first.step}, ${
      before.drift === null ? "unknown" : formatNumber(before.drift)
    } at step ${before.step}` +
    `${
      firstRank === null
        ? ""
        : `; rank correlation of step ${trend[0].step} with the last: ${formatFixed(firstRank, 2)}`
    }.`,
  ];
}
