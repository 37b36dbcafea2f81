import type { Paths } from "../../../result/mod.ts";
import { heatMaps } from "../../chart/draw/heat.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { pathsFinding, pathsRows, wayText } from "../../tables/paths.ts";
import { reading, settingOf } from "../../words/mod.ts";
import { RISE, riseOf } from "../../../result/mod.ts";

/** Nats per token at which a shade begins. */
const EDGES = [0.01, 0.03, 0.1, 0.3, 1, 3];

/**
 * Draws a map of paths: the rise of the loss (colour) where a window of layers runs twice, by its first layer and its length, and below it
 * where neighbours are swapped or side by side, and where windows loop.
 */
export const pathsFigure: Draw<[Paths]> = figure("paths", "paths", (result) => {
  const { paths, confirmed, provenance } = result;
  return {
    rows: pathsRows(result),
    title: pathsFinding(result),
    shows: [
      reading`Rise of the loss in nats per token (colour) on ${provenance.packing.samples} samples: where a window of layers runs twice, by its
        first layer and its length, then where neighbours are swapped or side by side, and where windows loop. The lightest shade: below ${
        String(EDGES[0])
      }, gains too.`,
    ],
    setting: settingOf(provenance),
    reads: confirmed.slice(0, 3).map((own) => {
      const again = { ...riseOf(result, own), decimals: 3 };
      return reading`${wayText(paths[own.at])}: ${again} nats per token on samples that did not choose it.`;
    }),
    panels: panelsOf(result),
  };
});

function panelsOf({ paths, provenance: { model: { layers } } }: Paths): Panel[] {
  const repeats = paths.filter(({ way }) => way === "repeat");
  const others = [...Map.groupBy(paths.filter(({ way }) => way !== "repeat"), rowOf)];
  const longest = Math.max(0, ...repeats.map(({ first, last }) => last - first + 1));
  const twice = heatMaps(
    [{
      title: "a window twice",
      cells: repeats.map(({ first, last, rise }) => ({ x: first, y: last - first, value: rise })),
    }],
    EDGES,
    {
      size: [layers, longest],
      labels: ["first layer", "layers"],
      names: Array.from({ length: longest }, (_, i) => String(i + 1)),
      height: 90 + 22 * longest,
    },
  );
  const rest = heatMaps(
    [{
      title: "neighbours and loops",
      cells: others.flatMap(([, own], y) => own.map(({ first, rise }) => ({ x: first, y, value: rise }))),
    }],
    EDGES,
    {
      size: [layers, others.length],
      labels: ["first layer", RISE],
      names: others.map(([name]) => name),
      height: 90 + 22 * others.length,
    },
  );
  return [...repeats.length > 0 ? [twice[0]] : [], ...others.length > 0 ? [rest[0]] : [], twice[1]];
}

/** "swap", "loop of 2, 4 layers". */
function rowOf({ way, first, last, times }: Paths["paths"][number]): string {
  return way === "loop"
    ? `loop of ${times}, ${last - first + 1} layers`
    : { repeat: "twice", swap: "swapped", beside: "side by side" }[way];
}
