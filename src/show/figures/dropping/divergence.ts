import { comparedAt, groupsOf, type Sweep } from "../../../result/mod.ts";
import { formatPercent, linearAxis } from "../../chart/draw/axes.ts";
import { curveChart, outsizedPlansText, overSeeds, seededText } from "../../chart/curves.ts";
import { type Content, type Draw, figure } from "../../chart/svg.ts";
import { sweepRows } from "../../tables/quality.ts";
import { formatFixed, formatNumber, formatShare, modules, reading, sharedText } from "../../words/mod.ts";

/** Draws what perplexity hides, against the number of modules dropped: KL(full ‖ dropped) and top-1 agreement. */
export const divergenceFigure: Draw<[Sweep]> = divergenceFigureAt();

/** The same with a title that compares at another number of drops than a quarter of the layers. */
export function divergenceFigureAt(at?: number): Draw<[Sweep]> {
  return figure("divergence", "sweep", (sweep) => drawing(sweep, at));
}

function drawing(sweep: Sweep, at?: number): Content {
  const groups = groupsOf(sweep);
  const most = Math.max(...sweep.curves.flatMap(({ points }) => points.map(({ kl }) => kl)), 1e-3);
  const decimals = most < 1 ? 2 : most < 5 ? 1 : 0;
  const { layers } = sweep.provenance.model;
  const compared = comparedAt(sweep, at) ?? undefined;
  const height = 320;
  return {
    rows: sweepRows(sweep),
    title: {
      topic: "How far dropping moves the model's predictions",
      found: compared &&
        reading`${formatShare(compared.attention.top1)} of top-1 predictions unchanged without
        ${modules("attention", compared.dropped, layers)}, ${formatShare(compared.mlp.top1)} without
        ${modules("mlp", compared.dropped, layers)}`,
    },
    shows: [
      "Top: share of positions where the most probable token is the same as the full model's.",
      "Bottom: KL(full ‖ dropped) in nats per token.",
      seededText(groups),
      outsizedPlansText(sweep),
      sharedText([sweep]),
    ],
    reads: [
      compared
        ? reading`With ${compared.dropped} dropped, KL is ${formatNumber(compared.attention.kl)} for attention
            and ${formatNumber(compared.mlp.kl)} nats per token for MLPs.`
        : "A model can keep its perplexity and still choose different words.",
    ],
    panels: [
      curveChart(sweep, overSeeds(({ top1 }) => top1), {
        y: linearAxis([0, 1], "same top-1 token", formatPercent),
        height,
      }),
      curveChart(sweep, overSeeds(({ kl }) => kl), {
        y: linearAxis([0, most * 1.05], "KL, nats per token", (value) => formatFixed(value, decimals)),
        height,
      }),
    ],
  };
}
