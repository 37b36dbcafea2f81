import { correlates, KINDS, present, rankInterval } from "../../../measure/mod.ts";
import { type Checkpoints, seriesProvenance, type Sign, type Trend, trendsOf } from "../../../result/mod.ts";
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
    const channels = {
      height: 300,
      x: "step",
      across: stepAxis(result.series.map(({ step }) => step)),
    } as const;
    const moved = rows.map((row) => ({ ...row, drift: row.drift || null }));
    return {
      rows,
      title: finding(result, trends[0]),
      shows: [
        "Layers from 1 up. Top: mean |change| of importance since the previous checkpoint.",
        "Bottom: rank correlation with the last checkpoint's importance.",
      ],
      setting: settingOf(seriesProvenance(result)),
      reads: trends.some((trend) => trend.some(({ drift }) => drift !== null))
        ? trends.map(ends)
        : ["A single checkpoint shows no change."],
      panels: [
        lineChart(byKind(moved), {
          ...channels,
          y: "drift",
          up: upFrom("drift of importance (log)", { log: true }),
        }),
        lineChart(byKind(rows), {
          ...channels,
          y: "rank_correlation_with_last",
          up: linearAxis([-1, 1], "rank correlation with the last step"),
        }),
      ],
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

function finding(result: Checkpoints, attention: readonly Trend[]): Finding {
  const layers = present(result.series.at(-1)!.attention.importance.slice(1)).length;
  const known = attention.flatMap(({ step, withLast }) =>
    withLast === null ? [] : [{ step, sign: agreementOf(withLast, layers) }]
  );
  if (known.length === 0) return { topic: "Importance through training" };
  const limit = `(correlation above ${SAME}, 95 %)`;
  const from = known.findLastIndex(({ sign }) => sign < 1) + 1;
  if (from < known.length) {
    return {
      found: `Attention's ranking agrees with the last checkpoint's ${limit} from step ${
        known[from].step
      } on`,
    };
  }
  return known.some(({ sign }) => sign === 0)
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
  return reading`${KIND_NAMES[kind]}: drift ${{ measured: first.drift! }} at step ${
    String(first.step)
  }, ${drift} at step
    ${String(before.step)}${rank}.`;
}
