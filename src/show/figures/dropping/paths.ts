import type { Paths } from "../../../result/mod.ts";
import { heatMaps } from "../../chart/draw/heat.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { type Draw, figure } from "../../chart/svg.ts";
import { accuracyReading, HAPPENS, pathsFinding, pathsRows, wayText } from "../../tables/paths.ts";
import { counted, reading, settingOf } from "../../words/mod.ts";
import { RISE, riseOf } from "../../../result/mod.ts";

type OnePath = Paths["paths"][number];

/** A map: what its values are, their value for each path, and where its shades begin. */
interface Heat {
  readonly unit: string;
  readonly edges: readonly number[];
  readonly valueOf: (path: OnePath, at: number) => number;
}

const LOSS: Heat = {
  unit: RISE,
  edges: [0.01, 0.03, 0.1, 0.3, 1, 3],
  valueOf: ({ rise }) => rise,
};

/** Points of accuracy at which a shade begins. */
const POINTS = [0.5, 1, 2, 5, 10, 20];

/**
 * Draws a map of paths: the rise of the loss (colour) where a window of layers runs twice, by its first layer and its length, and below it
 * where neighbours are swapped or side by side, and where windows loop. A map of accuracy, where there is one, comes below it.
 */
export const pathsFigure: Draw<[Paths]> = figure("paths", "paths", (result) => {
  const { paths, confirmed, provenance, accuracy } = result;
  return {
    rows: pathsRows(result),
    title: pathsFinding(result),
    shows: [
      reading`Rise of the loss in nats per token (colour) on ${provenance.packing.samples} samples: where a window of layers runs twice, by its
        first layer and its length, then where neighbours are swapped or side by side, and where windows loop. The lightest shade: below ${
        String(LOSS.edges[0])
      }, gains too.`,
      accuracy &&
      `Below: points of mean accuracy lost on ${
        counted(accuracy.provenance.packing.samples, "document")
      } of ${accuracy.tasks.join(", ")}; the lightest shade: below ${POINTS[0]}, gains too.`,
    ],
    setting: settingOf(provenance),
    reads: [
      ...confirmed.slice(0, 3).map((own) => {
        const again = { ...riseOf(result, own), decimals: 3 };
        return reading`${wayText(paths[own.at])}: ${again} nats per token on samples that did not choose it.`;
      }),
      accuracyReading(result),
    ],
    panels: [
      ...panelsOf(result, LOSS),
      ...accuracy
        ? panelsOf(result, {
          unit: "points lost",
          edges: POINTS,
          valueOf: (_, at) => 0 - 100 * accuracy.changes[at].difference,
        })
        : [],
    ],
  };
});

function panelsOf(result: Paths, { unit, edges, valueOf }: Heat): Panel[] {
  const { layers } = result.provenance.model;
  const paths = result.paths.map((path, at) => ({ ...path, value: valueOf(path, at) }));
  const repeats = paths.filter(({ way }) => way === "repeat");
  const others = [...Map.groupBy(paths.filter(({ way }) => way !== "repeat"), rowOf)];
  const longest = Math.max(0, ...repeats.map(({ first, last }) => last - first + 1));
  const twice = heatMaps(
    [{
      title: result.accuracy ? `a window twice: ${unit}` : "a window twice",
      cells: repeats.map(({ first, last, value }) => ({ x: first, y: last - first, value })),
    }],
    edges,
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
      cells: others.flatMap(([, own], y) => own.map(({ first, value }) => ({ x: first, y, value }))),
    }],
    edges,
    {
      size: [layers, others.length],
      labels: ["first layer", unit],
      names: others.map(([name]) => name),
      height: 90 + 22 * others.length,
    },
  );
  return [...repeats.length > 0 ? [twice[0]] : [], ...others.length > 0 ? [rest[0]] : [], twice[1]];
}

/** "swapped", "loop of 2, 4 layers". */
function rowOf({ way, first, last, times }: OnePath): string {
  return way === "loop" ? `loop of ${times}, ${last - first + 1} layers` : HAPPENS[way];
}
