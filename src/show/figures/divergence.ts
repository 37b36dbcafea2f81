/** What perplexity hides: divergence from the full model and top-1 agreement, against the number dropped. */
import { expect, resultOf } from "../../entry/mod.ts";
import type { Sweep } from "../../result/mod.ts";
import { linearAxisY } from "../chart/axes.ts";
import { comparedAt, curveChart, groupsOf, seededText, sweepRows } from "../chart/curves.ts";
import { formatFixed, formatNumber, formatShare } from "../chart/numbers.ts";
import { settingOf } from "../chart/setting.ts";
import { drawFigure, type Figure } from "../chart/svg.ts";

/**
 * Draws KL(full ‖ dropped) and top-1 agreement.
 *
 * @example
 * ```ts
 * import { curvesOf, divergenceFigure, openSeries, profile, sweep } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const importance = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const curves = curvesOf("attention", 1);
 * const result = await sweep(model, importance, curves, [0, 1, 2], { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = divergenceFigure(result);
 * model.close();
 * ```
 */
export function divergenceFigure(sweep: Sweep): Figure {
  expect("draw", "sweep", sweep, resultOf("sweep"));
  const groups = groupsOf(sweep);
  const most = Math.max(...sweep.curves.flatMap(({ points }) => points.map(({ kl }) => kl)), 1e-3);
  const compared = comparedAt(groups, sweep.provenance.model.layers);
  return drawFigure({
    name: "divergence",
    title: compared
      ? `${compared.dropped} dropped: ${
        formatShare(compared.attention.top1)
      } of top-1 predictions unchanged without attention, ` +
        `${formatShare(compared.mlp.top1)} without MLPs`
      : "How far dropping moves the model's predictions",
    subtitle: "Top: share of positions where the most probable token is the same as the full model's. " +
      `Bottom: KL(full ‖ dropped) in nats per token.${seededText(groups)}`,
    setting: settingOf(sweep.provenance),
    reading: compared
      ? `With ${compared.dropped} dropped, KL is ${formatNumber(compared.attention.kl)} for attention and ${
        formatNumber(compared.mlp.kl)
      } nats per token for MLPs.`
      : "A model can keep its perplexity and still choose different words.",
    panels: [
      curveChart(groups, {
        read: ({ top1 }) => top1,
        y: { type: "linear", domain: [0, 1] },
        axis: linearAxisY("same top-1 token", (value) => `${Math.round(value * 100)} %`),
        height: 320,
      }),
      curveChart(groups, {
        read: ({ kl }) => kl,
        y: { type: "linear", domain: [0, most * 1.05] },
        axis: linearAxisY(
          "KL, nats per token",
          (value) => formatFixed(value, most < 1 ? 2 : most < 5 ? 1 : 0),
        ),
        height: 320,
      }),
    ],
    rows: sweepRows(sweep),
  });
}
