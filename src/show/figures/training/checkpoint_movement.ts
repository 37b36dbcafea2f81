/** How much importance changes from checkpoint to checkpoint, and how early it reaches its final ranking. */
import { correlates, KINDS, rankInterval } from "../../../measure/mod.ts";
import type { Checkpoints } from "../../../result/mod.ts";
import { linearAxis, stepAxis } from "../../chart/draw/axes.ts";
import { seriesSetting, type Trend, trendsOf } from "../../chart/checkpoint_trends.ts";
import { lookOf } from "../../chart/draw/colors.ts";
import { atSteps, seriesOf, valueAxis } from "../../chart/lines.ts";
import { formatFixed, formatNumber, present } from "../../chart/numbers.ts";
import { KIND_NAMES } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import type { Sign } from "../../chart/told.ts";

/**
 * Draws drift between checkpoints above, rank correlation with the last one below.
 *
 * @example
 * ```ts
 * import { checkpointMovementFigure } from "lamina/figures";
 * import { checkpoints, openSeries } from "lamina/series";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = checkpointMovementFigure(result);
 * ```
 */
export const checkpointMovementFigure: Draw<[Checkpoints]> = figure(
  "checkpoint_movement",
  "checkpoints",
  (result) => {
    const trends = KINDS.map((kind) => trendsOf(result, kind));
    const steps = result.series.map(({ step }) => step);
    const lines = (read: (trend: Trend) => number | null) =>
      KINDS.map((kind, i) =>
        seriesOf(
          { label: KIND_NAMES[kind], ...lookOf(kind), values: trends[i].map(read), errors: [] },
          atSteps(steps),
        )
      );
    const [drifts, ranks] = [lines(({ drift }) => drift || null), lines(({ withLast }) => withLast)];
    const [x, height] = [stepAxis(steps), 300];
    return {
      title: titleOf(result, trends[0]),
      subtitle: "Layers from 1 up. Top: mean |change| of importance since the previous checkpoint. " +
        "Bottom: rank correlation with the last checkpoint's importance.",
      setting: seriesSetting(result),
      reading: trends.flatMap((trend, i) => readingOf(KIND_NAMES[KINDS[i]], trend)).join(" ") ||
        "A single checkpoint shows no change.",
      panels: [
        { height, x, y: valueAxis(drifts, "drift of importance (log)", true), series: drifts },
        { height, x, y: linearAxis([-1, 1], "rank correlation with the last step"), series: ranks },
      ],
      rows: trends.flat().map(({ kind, step, drift, withBefore, withLast }) => ({
        module: KIND_NAMES[kind],
        step,
        drift,
        rank_correlation_with_before: withBefore,
        rank_correlation_with_last: withLast,
      })),
    };
  },
);

/** Correlation that counts as the same ranking, for the title. */
const SAME = 0.8;

/** Whether an interval of a correlation with the last step lies above `SAME` (1), below it (−1), or on both sides (0). */
function agreementOf(rank: number, layers: number): Sign {
  const interval = rankInterval(rank, layers);
  if (!interval) return correlates(rank, layers) && rank > 0 ? 1 : 0;
  return interval[0] > SAME ? 1 : interval[1] < SAME ? -1 : 0;
}

function titleOf(result: Checkpoints, attention: readonly Trend[]): string {
  const layers = present(result.series.at(-1)!.attention.importance.slice(1)).length;
  const known = attention.flatMap(({ step, withLast }) =>
    withLast === null ? [] : [{ step, sign: agreementOf(withLast, layers) }]
  );
  if (known.length === 0) return "Importance through training";
  const limit = `(correlation above ${SAME}, 95 %)`;
  const from = known.findLastIndex(({ sign }) => sign < 1) + 1;
  if (from < known.length) {
    return `Attention's ranking agrees with the last checkpoint's ${limit} from step ${known[from].step} on`;
  }
  return known.some(({ sign }) => sign === 0)
    ? `Cannot tell from which step on attention's ranking agrees with the last checkpoint's ${limit}`
    : `No earlier checkpoint ranks attention as the last one does ${limit}`;
}

function readingOf(name: string, trend: readonly Trend[]): string[] {
  const [first, before] = [trend.find(({ drift }) => drift !== null), trend.at(-1)!];
  if (!first) return [];
  const { step, withLast } = trend[0];
  const drift = before.drift === null ? "unknown" : formatNumber(before.drift);
  const rank = withLast === null
    ? ""
    : `; rank correlation of step ${step} with the last: ${formatFixed(withLast, 2)}`;
  return [
    `${name}: drift ${
      formatNumber(first.drift!)
    } at step ${first.step}, ${drift} at step ${before.step}${rank}.`,
  ];
}
