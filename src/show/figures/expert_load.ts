/** How evenly a mixture's experts are used: the share of all choices that each has, by layer, over the share that all would have alike. */
import { expect, resultOf } from "../../entry/mod.ts";
import type { Profile } from "../../result/mod.ts";
import { heatLegend, heatPanel } from "../chart/heat.ts";
import { formatNumber } from "../chart/numbers.ts";
import { settingOf } from "../chart/setting.ts";
import { drawFigure, type Figure, WIDTH } from "../chart/svg.ts";

/** A quarter to four times the even share. */
const EDGES = [0.25, 0.5, 0.8, 1.25, 2, 4];

/**
 * Draws the load of every expert. Throws `RangeError` for a model without mixtures.
 *
 * @example
 * ```ts
 * import { expertLoadFigure, profile } from "lamina";
 *
 * const draw = async (mixture: string) => expertLoadFigure(await profile(mixture)).svg;
 * // await draw("allenai/OLMoE-1B-7B-0924")
 * ```
 */
export function expertLoadFigure(profile: Profile): Figure {
  expect("draw", "result", profile, resultOf("profile"));
  const { provenance, mixtures } = profile;
  if (!mixtures) {
    throw new RangeError(
      `Cannot draw the load of experts: ${provenance.model.name} has no mixture of experts, expected one in at least one layer`,
    );
  }
  const cells = mixtures.load.flatMap((load, layer) =>
    load ? load.map((share, expert) => ({ x: expert, y: layer, value: share * load.length })) : []
  );
  const most = cells.reduce((a, b) => b.value > a.value ? b : a);
  const known = mixtures.unused.filter((share) => share !== null);
  const unused = known.reduce((a, b) => a + b, 0) / known.length;
  return drawFigure({
    name: "expert_load",
    title: `The busiest expert receives ${
      formatNumber(most.value)
    } times an even share of its layer's tokens`,
    subtitle: "Each expert's share of its layer's choices, divided by 1 / X, the even share of X experts.",
    setting: settingOf(provenance),
    reading: `Expert ${most.x} of layer ${most.y} is chosen most often; ${
      formatNumber(100 * unused)
    } % of the experts are never chosen.`,
    panels: [
      heatPanel({
        title: "load / even share",
        cells,
        columns: Math.max(...cells.map(({ x }) => x)) + 1,
        rows: mixtures.load.length,
        width: WIDTH,
        height: 340,
        label: "expert",
        rowLabel: "layer",
      }, EDGES),
      heatLegend(EDGES, String),
    ],
    rows: cells.map(({ x, y, value }) => ({ layer: y, expert: x, load: value })),
  });
}
