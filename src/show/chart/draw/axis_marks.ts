/** Draws axes: the grid, the line that means "no difference", ticks and label. */
import * as Plot from "@observablehq/plot";
import type { Axis } from "./axes.ts";
import { FAINT, GRID, INK } from "./colors.ts";

/** How an axis writes its ticks. The text channel: Plot thins out the formatted ticks of a logarithmic scale. */
function writing({ ticks, names, format = String, small }: Axis) {
  const write = names ? (i: number) => names[i] : format;
  return { ...ticks ? { text: write } : { tickFormat: write }, ...small ? { fontSize: 14 } : {} };
}

/** A mark of Plot's that takes values of one axis. */
type Mark = (values: readonly number[] | undefined, options: object) => Plot.Markish;

function axisMarks(axis: Axis, [grid, rule, ticks]: readonly Mark[], look: object): Plot.Markish[] {
  const rules = axis.rule === undefined || axis.rule === null ? [] : [axis.rule];
  return [
    ...axis.grid ? [grid(axis.ticks, { stroke: GRID, strokeOpacity: 1 })] : [],
    ...rules.map((at) => rule([at], { stroke: INK, ...axis.dashed ? { strokeDasharray: "4 4" } : {} })),
    ...axis.bare
      ? []
      : [ticks(axis.ticks, { color: FAINT, label: axis.label ?? null, ...look, ...writing(axis) })],
  ];
}

/** The label at the top left, or beside the axis. */
export function yAxis(axis: Axis): Plot.Markish[] {
  const beside = axis.turned && !axis.bare ? axis.label : null;
  return [
    ...axisMarks(axis.turned ? { ...axis, label: null } : axis, [Plot.gridY, Plot.ruleY, Plot.axisY], {
      tickSize: 0,
      labelOffset: 42,
      labelArrow: "up",
    }),
    ...beside
      ? [
        Plot.text([beside], {
          text: String,
          frameAnchor: "left",
          rotate: -90,
          textAnchor: "middle",
          dx: -44,
          fill: FAINT,
        }),
      ]
      : [],
  ];
}

/** The label in the middle. */
export function xAxis(axis: Axis): Plot.Markish[] {
  return axisMarks(axis, [Plot.gridX, Plot.ruleX, Plot.axisX], {
    tickSize: 4,
    labelAnchor: "center",
    labelArrow: axis.small ? "none" : "right",
  });
}
