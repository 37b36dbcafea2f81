/** Perplexity against the number of modules dropped, every curve of a sweep (paper, claims C1 and C2). */
import type { Sweep } from "../../../result/mod.ts";
import { logAxis, logDomain } from "../../chart/draw/axes.ts";
import {
  comparedAt,
  type Cost,
  curveChart,
  groupsOf,
  meanOf,
  outsizedPlansText,
  overSeeds,
  riseInterval,
  seededText,
} from "../../chart/curves.ts";
import { formatNumber } from "../../chart/numbers.ts";
import { repairsText, settingOf } from "../../chart/setting.ts";
import { sharedText } from "../../chart/shared.ts";
import { type Draw, type Drawing, figure } from "../../chart/svg.ts";
import { riseSign } from "../../chart/told.ts";
import { sweepRows } from "../../tables/quality.ts";

/**
 * Draws the perplexity after dropping modules.
 *
 * @example
 * ```ts
 * import { sweep } from "lamina";
 * import { qualityFigure } from "lamina/figures";
 *
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const result = await sweep("data/series/pre-ln/step00512", { ...text, calibration: text, targets: ["attention"], upto: 2, seeds: 1 });
 * const { svg, reading } = qualityFigure(result);
 * ```
 */
export const qualityFigure: Draw<[Sweep]> = figure("quality", "sweep", (sweep) => drawing(sweep));

/** The same with a title that compares at another number of drops than a quarter of the layers. */
export const qualityFigureAt = (at: number | undefined): Draw<[Sweep]> =>
  figure("quality", "sweep", (sweep) => drawing(sweep, at));

function drawing(sweep: Sweep, at?: number): Drawing {
  const groups = groupsOf(sweep);
  const { provenance, calibration: { packing, text } } = sweep;
  const all = sweep.curves.flatMap(({ points }) => points);
  const full = all.find(({ dropped }) => dropped === 0);
  const ends = groups.map(({ label, points }) => {
    const { dropped, values } = points.at(-1)!;
    return `${label} ${formatNumber(Math.exp(meanOf(values, ({ nll }) => nll)))} at ${dropped}`;
  });
  const { samples } = provenance.packing;
  const read = (cost: Cost) => perplexityOf(cost, samples);
  const heights = groups.flatMap(({ by, points }) =>
    points.flatMap(({ values }) => {
      const { value, low = value, high = value } = read({ by, values });
      return [low, value, high];
    })
  );
  return {
    title: titleOf(comparedAt(groups, provenance.model.layers, at), samples),
    subtitle: `Perplexity on held-out text${full ? `; full model: ${formatNumber(full.perplexity)}` : ""}.` +
      `${outsizedPlansText(sweep)}${seededText(groups, { ranges: true })} ${intervalsText(samples)}` +
      sharedText([sweep]),
    setting: `${
      settingOf(provenance)
    } · drop orders from ${packing.samples} × ${packing.length} tokens of ${text.name}${repairsText(sweep)}`,
    reading: `At the end of each curve: ${ends.join("; ")}.`,
    panels: [
      curveChart(groups, {
        sweep,
        read,
        y: logAxis(logDomain(heights), "perplexity (log)"),
        height: 460,
      }),
    ],
    rows: sweepRows(sweep),
  };
}

/**
 * Perplexity, with the interval of its rise over the full model: paired over the samples, so the full model has none. Random orders have
 * the range of their seeds, since two or three seeds give an interval that hides all other lines.
 */
function perplexityOf(cost: Cost, samples: number) {
  if (cost.values.length > 1) {
    const { value, low, high } = overSeeds((point) => point.nll)(cost);
    return { value: Math.exp(value), low: Math.exp(low!), high: Math.exp(high!) };
  }
  const nll = meanOf(cost.values, (point) => point.nll);
  const rise = meanOf(cost.values, (point) => point.rise);
  const interval = riseInterval(cost, samples);
  if (!interval) return { value: Math.exp(nll) };
  const [low, high] = interval.map((end) => Math.exp(nll - rise + end));
  return { value: Math.exp(nll), low, high };
}

function intervalsText(samples: number): string {
  return samples > 1
    ? "Bands: 95 % intervals of the rise over the full model, paired over the samples."
    : "A single sample has no interval.";
}

function titleOf(compared: ReturnType<typeof comparedAt>, samples: number): string {
  if (!compared) return "Perplexity against the number of modules dropped";
  const { dropped, attention, mlp } = compared;
  const [one, other] = [attention, mlp].map(({ perplexity }) => formatNumber(perplexity));
  const unclear = riseSign(attention, mlp, samples) === 0 ? "; cannot tell which costs more" : "";
  return `${dropped} dropped: perplexity ${one} for attention, ${other} for MLPs${unclear}`;
}
