/** Perplexity against the number of modules dropped, every curve of a sweep (paper, claims C1 and C2). */
import { expect, resultOf } from "../../entry/mod.ts";
import type { Sweep } from "../../result/mod.ts";
import { logAxisY, logDomain } from "../chart/axes.ts";
import { comparedAt, curveChart, groupsOf, meanOf, seededText, sweepRows } from "../chart/curves.ts";
import { formatNumber } from "../chart/numbers.ts";
import { settingOf } from "../chart/setting.ts";
import { drawFigure, type Figure } from "../chart/svg.ts";
import { riseSign } from "../chart/told.ts";

/**
 * Draws what dropping costs in perplexity.
 *
 * @example
 * ```ts
 * import { curvesOf, openSeries, profile, qualityFigure, sweep } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const importance = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const curves = curvesOf("attention", 1);
 * const result = await sweep(model, importance, curves, [0, 1, 2], { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = qualityFigure(result);
 * model.close();
 * ```
 */
export function qualityFigure(sweep: Sweep): Figure {
  expect("draw", "sweep", sweep, resultOf("sweep"));
  const groups = groupsOf(sweep);
  const all = sweep.curves.flatMap(({ points }) => points);
  const domain = logDomain(all.map(({ perplexity }) => perplexity));
  const full = all.find(({ dropped }) => dropped === 0);
  const compared = comparedAt(groups, sweep.provenance.model.layers);
  const ends = groups.map(({ label, points }) => {
    const { dropped, values } = points.at(-1)!;
    return `${label} ${formatNumber(Math.exp(meanOf(values, ({ nll }) => nll)))} at ${dropped}`;
  });
  const { samples } = sweep.provenance.packing;
  const told = compared && riseSign(compared.attention, compared.mlp, samples) !== 0;
  return drawFigure({
    name: "quality",
    title: compared
      ? `${compared.dropped} dropped: perplexity ${
        formatNumber(compared.attention.perplexity)
      } for attention, ` +
        `${formatNumber(compared.mlp.perplexity)} for MLPs${told ? "" : "; cannot tell which costs more"}`
      : "Perplexity against the number of modules dropped",
    subtitle: `Perplexity on held-out text${full ? `; full model: ${formatNumber(full.perplexity)}` : ""}.${
      seededText(groups)
    }`,
    setting: `${settingOf(sweep.provenance)} · drop orders from ${sweep.calibration.packing.samples} × ` +
      `${sweep.calibration.packing.length} tokens of ${sweep.calibration.text.name}`,
    reading: `At the end of each curve: ${ends.join("; ")}.`,
    panels: [
      curveChart(groups, {
        read: ({ nll }) => nll,
        show: Math.exp,
        y: { type: "log", domain },
        axis: logAxisY(domain, "perplexity (log)"),
        height: 460,
      }),
    ],
    rows: sweepRows(sweep),
  });
}
