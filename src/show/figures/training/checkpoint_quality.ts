/** The worth of half of the modules at each step: perplexity after dropping half of the attention modules, MLPs or blocks. */
import { KINDS } from "../../../measure/mod.ts";
import type { Checkpoints } from "../../../result/mod.ts";
import { stepAxis } from "../../chart/draw/axes.ts";
import { type HalfDropped, qualityBySteps, seriesSetting } from "../../chart/checkpoint_trends.ts";
import { INK, lookOf } from "../../chart/draw/colors.ts";
import { atSteps, seriesOf, valueAxis } from "../../chart/lines.ts";
import { formatFixed, formatNumber, formatSigned } from "../../chart/numbers.ts";
import type { Series } from "../../chart/draw/panel.ts";
import { KIND_NAMES, textOf } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { intervalText, riseSign } from "../../chart/told.ts";

/**
 * Draws perplexity and its rise without half of the modules, by training step. Throws `TypeError` if the study did not measure quality.
 *
 * @example
 * ```ts
 * import { checkpointQualityFigure } from "lamina/figures";
 * import { checkpoints, openSeries } from "lamina/series";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32, quality: "LICENSE" });
 * const { svg } = checkpointQualityFigure(result);
 * ```
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
    const { curves, provenance: { model, packing, text } } = result.series.find(({ quality }) => quality)!
      .quality!;
    const half = curves[0].points.at(-1)!.dropped;
    const steps = points.map(({ step }) => step);
    const full = { label: "full model", color: INK, shape: "diamond", errors: [] } as const;
    const perplexities = [
      seriesOf({ ...full, values: points.map(({ full }) => Math.exp(full)) }, atSteps(steps)),
      ...halvesOf(points, ({ perplexity }) => perplexity),
    ];
    const rises = halvesOf(points, ({ rise }) => rise, ({ riseError }) => riseError);
    const x = stepAxis(steps);
    return {
      title: titleOf(points.at(-1)!, packing.samples),
      subtitle: `${half} of ${model.layers} modules dropped, by their importance at the same step. Top: ` +
        "perplexity. Bottom: rise in loss over the full model, ± 1 standard error.",
      setting: `${seriesSetting(result)} · quality on ${packing.samples} × ${packing.length} ` +
        `tokens of ${textOf(text)}`,
      reading: readingOf(points[0], points.at(-1)!, packing.samples),
      panels: [
        { height: 320, x, y: valueAxis(perplexities, "perplexity (log)", true), series: perplexities },
        { height: 280, x, y: valueAxis(rises, "rise, nats per token", false), series: rises },
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
    };
  },
);

type Drop = HalfDropped["attention"];

/** A line for each kind of module without its half. */
function halvesOf(
  points: readonly HalfDropped[],
  read: (drop: Drop) => number,
  error: (drop: Drop) => number | null = () => null,
): Series[] {
  const steps = points.map(({ step }) => step);
  return KINDS.map((kind) => {
    const drops = points.map((point) => point[kind]);
    const line = { label: `½ ${KIND_NAMES[kind]}`, ...lookOf(kind), values: drops.map(read) };
    return seriesOf({ ...line, errors: drops.map(error) }, atSteps(steps));
  });
}

function titleOf({ attention, mlp }: HalfDropped, samples: number): string {
  const unclear = riseSign(attention, mlp, samples) === 0 ? "; cannot tell which costs more" : "";
  return `At the last step, dropping half of attention costs ${
    formatFixed(attention.rise, 2)
  } nats per token, ` +
    `half of the MLPs ${formatFixed(mlp.rise, 2)}${unclear}`;
}

function readingOf(first: HalfDropped, last: HalfDropped, samples: number): string {
  const [before, after] = [first, last].map(({ full }) => formatNumber(Math.exp(full)));
  const halves = KINDS.map((kind) => {
    const [low, high] = [first, last].map((point) => formatSigned(point[kind].rise));
    return `half ${KIND_NAMES[kind]} ${low} to ${high} nats (${intervalText(last[kind], samples)})`;
  });
  return `From step ${first.step} to ${last.step}: full model ${before} to ${after}; ` +
    `${halves.join(", ")}.`;
}
