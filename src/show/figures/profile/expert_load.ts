/** How evenly a mixture's experts are used: the share of all choices that each has, by layer, over the share that all would have alike. */
import { mean } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { heatLegend, heatMap } from "../../chart/draw/heat.ts";
import { formatNumber, present } from "../../chart/numbers.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/** A quarter to four times the even share. */
const EDGES = [0.25, 0.5, 0.8, 1.25, 2, 4];

/**
 * Draws the load of every expert. Throws `RangeError` for a model without mixtures.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { expertLoadFigure } from "lamina/figures";
 *
 * const draw = async (mixture: string) => expertLoadFigure(await profile(mixture)).svg;
 * // await draw("allenai/OLMoE-1B-7B-0924")
 * ```
 */
export const expertLoadFigure: Draw<[Profile]> = figure(
  "expert_load",
  "profile",
  ({ provenance, mixtures }) => {
    if (!mixtures) {
      throw new RangeError(
        `Cannot draw the load of experts: ${provenance.model.name} has no mixture of experts, expected one in at least one layer`,
      );
    }
    const cells = mixtures.load.flatMap((load, layer) =>
      load ? load.map((share, expert) => ({ x: expert, y: layer, value: share * load.length })) : []
    );
    const most = cells.reduce((a, b) => b.value > a.value ? b : a);
    return {
      title: `The busiest expert receives ${
        formatNumber(most.value)
      } times an even share of its layer's tokens`,
      subtitle: "Each expert's share of its layer's choices, divided by 1 / X, the even share of X experts.",
      reading: `Expert ${most.x} of layer ${most.y} is chosen most often; ` +
        `${formatNumber(100 * mean(present(mixtures.unused)))} % of the experts are never chosen.`,
      panels: [
        heatMap({
          title: "load / even share",
          cells,
          columns: Math.max(...cells.map(({ x }) => x)) + 1,
          rows: mixtures.load.length,
          edges: EDGES,
          height: 340,
          label: "expert",
          rowLabel: "layer",
        }),
        heatLegend(EDGES),
      ],
      rows: cells.map(({ x, y, value }) => ({ layer: y, expert: x, load: value })),
    };
  },
);
