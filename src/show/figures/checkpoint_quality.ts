/** What half of the modules are worth at each step: perplexity after dropping half of the attention modules, MLPs or blocks. */
import { KINDS } from "../../measure/mod.ts";
import { expect, resultOf } from "../../entry/mod.ts";
import type { Checkpoints } from "../../result/mod.ts";
import { COLORS, linearAxisY, logAxisY, logDomain } from "../chart/axes.ts";
import { stepChart, type StepLine } from "../chart/checkpoint_axis.ts";
import { qualityBySteps, seriesSetting } from "../chart/checkpoint_trends.ts";
import { SHAPES } from "../chart/marks.ts";
import { formatFixed, formatNumber } from "../chart/numbers.ts";
import { KIND_NAMES } from "../chart/setting.ts";
import { drawFigure, type Figure, INK } from "../chart/svg.ts";
import { intervalText, riseSign } from "../chart/told.ts";

/**
 * Draws perplexity and its rise without half of the modules, by training step. Throws `TypeError` if the study did not measure quality.
 *
 * @example
 * ```ts
 * import { checkpointQualityFigure, checkpoints, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32, quality: "LICENSE" });
 * const { svg } = checkpointQualityFigure(result);
 * ```
 */
export function checkpointQualityFigure(result: Checkpoints): Figure {
  expect("draw", "result", result, resultOf("checkpoints"));
  const points = qualityBySteps(result);
  if (points.length === 0) {
    throw new TypeError(
      `Cannot draw the quality of ${result.name}: it was not measured, expected a study with the option quality`,
    );
  }
  const steps = points.map(({ step }) => step);
  const { curves, provenance } = result.series.find(({ quality }) => quality)!.quality!;
  const half = curves[0].points.at(-1)!.dropped;
  const perplexities: StepLine[] = [
    {
      label: "full model",
      color: INK,
      shape: "diamond",
      points: points.map(({ step, full }) => ({ step, value: Math.exp(full) })),
    },
    ...KINDS.map((kind) => ({
      label: `½ ${KIND_NAMES[kind]}`,
      color: COLORS[kind],
      shape: SHAPES[kind],
      points: points.map((point) => ({ step: point.step, value: point[kind].perplexity })),
    })),
  ];
  const rises: StepLine[] = KINDS.map((kind) => ({
    label: `½ ${KIND_NAMES[kind]}`,
    color: COLORS[kind],
    shape: SHAPES[kind],
    points: points.map((point) => ({
      step: point.step,
      value: point[kind].rise,
      error: point[kind].riseError,
    })),
  }));
  const domain = logDomain(perplexities.flatMap((line) => line.points.map(({ value }) => value ?? 0)));
  const ends = rises.flatMap((line) =>
    line.points.flatMap(({ value, error }) => [value! - (error ?? 0), value! + (error ?? 0)])
  );
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const air = 0.05 * (high - low || 1);
  const last = points.at(-1)!;
  const { samples } = provenance.packing;
  const told = riseSign(last.attention, last.mlp, samples) !== 0;
  return drawFigure({
    name: "checkpoint_quality",
    title:
      `At the last step, dropping half of attention costs ${
        formatFixed(last.attention.rise, 2)
      } nats per token, half of the ` +
      `MLPs ${formatFixed(last.mlp.rise, 2)}${told ? "" : "; cannot tell which costs more"}`,
    subtitle:
      `${half} of ${provenance.model.layers} modules dropped, by their importance at the same step. Top: ` +
      "perplexity. Bottom: rise in loss over the full model, ± 1 standard error.",
    setting:
      `${seriesSetting(result)} · quality on ${provenance.packing.samples} × ${provenance.packing.length} ` +
      `tokens of ${provenance.text.name === "file" ? "a text file" : provenance.text.name}`,
    reading:
      `From step ${points[0].step} to ${last.step}: full model ${formatNumber(Math.exp(points[0].full))} to ${
        formatNumber(Math.exp(last.full))
      }; ` + KINDS.map((kind) =>
        `half ${KIND_NAMES[kind]} +${formatFixed(points[0][kind].rise, 2)} to +${
          formatFixed(last[kind].rise, 2)
        } nats (${intervalText(last[kind], samples)})`
      ).join(", ").replaceAll("+−", "−") + ".",
    panels: [
      stepChart(perplexities, {
        steps,
        y: { type: "log", domain },
        axis: logAxisY(domain, "perplexity (log)"),
        height: 320,
      }),
      stepChart(rises, {
        steps,
        y: { type: "linear", domain: [low < 0 ? low - air : 0, high + air] },
        axis: linearAxisY("rise, nats per token"),
        height: 280,
      }),
    ],
    rows: points.flatMap(({ step, full, ...halves }) => [
      { step, dropped: "nothing", perplexity: Math.exp(full), rise: 0, standard_error: null },
      ...KINDS.map((kind) => ({
        step,
        dropped: `half ${KIND_NAMES[kind]}`,
        perplexity: halves[kind].perplexity,
        rise: halves[kind].rise,
        standard_error: halves[kind].riseError,
      })),
    ]),
  });
}
