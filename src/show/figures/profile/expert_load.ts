import { mean, present } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { heatMaps } from "../../chart/draw/heat.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { reading } from "../../words/mod.ts";

const EDGES = [0.25, 0.5, 0.8, 1.25, 2, 4];

/** Draws the share of all choices that each expert has, by layer, over the share that all would have alike. Throws `RangeError` for a model without mixtures. */
export const expertLoadFigure: Draw<[Profile]> = figure(
  "expert_load",
  "profile",
  ({ provenance, mixtures }) => {
    if (!mixtures) {
      throw new RangeError(
        `Cannot draw the load of experts: ${provenance.model.name} has no mixture of experts, expected one in at least one layer`,
      );
    }
    const rows = mixtures.load.flatMap((load, layer) =>
      load ? load.map((share, expert) => ({ layer, expert, load: share * load.length })) : []
    );
    const cells = rows.map(({ expert: x, layer: y, load: value }) => ({ x, y, value }));
    const most = rows.reduce((a, b) => b.load > a.load ? b : a);
    return {
      rows,
      title: reading`The busiest expert receives ${{ measured: most.load }} times an even share of its
        layer's tokens`,
      shows: ["Each expert's share of its layer's choices, divided by 1 / X, the even share of X experts."],
      reads: [
        reading`Expert ${most.expert} of layer ${most.layer} is chosen most often;`,
        reading`${{ measured: 100 * mean(present(mixtures.unused)) }} % of the experts are never chosen.`,
      ],
      panels: heatMaps([{ title: "load / even share", cells }], EDGES, {
        size: [Math.max(...rows.map(({ expert }) => expert)) + 1, mixtures.load.length],
        labels: ["expert", "layer"],
        height: 340,
      }),
    };
  },
);
