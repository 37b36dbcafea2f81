import { KINDS } from "core/measure/mod.ts";
import type { Checkpoints } from "../result.ts";
import { type HalfDropped, qualityBySteps, seriesText } from "../trends.ts";
import { RISE } from "core/result/mod.ts";
import { stepAxis } from "core/show/chart/draw/axes.ts";
import { INK, lookOfKind } from "core/show/chart/draw/colors.ts";
import { lineChart, upFrom } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { formatSigned, intervalText, KIND_NAMES, reading, tokensOf } from "core/show/words/mod.ts";

/**
 * Draws perplexity and its rise after dropping half of the attention modules, MLPs or blocks, by training step. Throws `TypeError` if the
 * study did not measure quality.
 */
export const checkpointQualityFigure: Draw<[Checkpoints]> = figure(
  "checkpoint_quality",
  "checkpoints",
  (result) => {
    const points = qualityBySteps(result);
    if (points.length === 0) {
      throw new TypeError(
        `Cannot draw the quality of ${result.name}: it was not measured, expected a study with the option quality`,
      );
    }
    const { curves: [{ points: halves }], provenance } = result.series.find(({ quality }) => quality)!
      .quality!;
    const { dropped } = halves.at(-1)!;
    const [first, last] = [points[0], points.at(-1)!];
    const [one, other] = [last.attention, last.mlp].map(({ rise }) => ({ fixed: rise, decimals: 2 }));
    const rows = points.flatMap(({ step, full, ...halves }) => [
      { step, dropped: "nothing", perplexity: Math.exp(full), rise: 0, standard_error: null },
      ...KINDS.map((kind) => ({
        step,
        dropped: `half ${kind}`,
        perplexity: halves[kind].perplexity,
        rise: halves[kind].rise,
        standard_error: halves[kind].riseError,
      })),
    ]);
    const groups = [
      { label: "full model", color: INK, shape: "diamond" as const, dropped: "nothing" },
      ...KINDS.map((kind) => ({
        label: `½ ${KIND_NAMES[kind]}`,
        ...lookOfKind(kind),
        dropped: `half ${kind}`,
      })),
    ].map(({ dropped, ...look }) => ({ ...look, rows: rows.filter((row) => row.dropped === dropped) }));
    const across = stepAxis(points.map(({ step }) => step));
    return {
      rows,
      title: {
        found:
          reading`At the last step, dropping half of attention costs ${one} nats per token, half of the MLPs ${other}`,
        open: last.sign === 0 && "which costs more",
      },
      shows: [
        `${dropped} of ${provenance.model.layers} modules dropped, by their importance at the same step.`,
        "Top: perplexity. Bottom: rise in loss over the full model, ± 1 standard error.",
      ],
      setting: seriesText(result, `quality on ${tokensOf(provenance)}`),
      reads: [ends(first, last, provenance.packing.samples)],
      panels: [
        lineChart(groups, "step", "perplexity", {
          across,
          height: 320,
          up: upFrom("perplexity (log)", { log: true }),
        }),
        lineChart(groups.slice(1), "step", "rise", {
          across,
          height: 280,
          error: "standard_error",
          up: upFrom(RISE),
        }),
      ],
    };
  },
);

function ends(first: HalfDropped, last: HalfDropped, samples: number): string {
  const [before, after] = [first, last].map(({ full }) => ({ measured: Math.exp(full) }));
  const halves = KINDS.map((kind) => {
    const [low, high] = [first, last].map((point) => formatSigned(point[kind].rise));
    return `half ${KIND_NAMES[kind]} ${low} to ${high} nats (${intervalText(last[kind], samples)})`;
  });
  return reading`From step ${String(first.step)} to ${String(last.step)}: full model ${before} to ${after};
    ${halves}.`;
}
