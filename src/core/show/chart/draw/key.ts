/** The key of panels that have no room for labels: a row of marks with their names, above them. */
import * as Plot from "@observablehq/plot";
import { INK, type LineLook } from "./colors.ts";
import { AT } from "./panel.ts";
import { fitted, textWidth } from "./text_width.ts";

export interface KeyEntry extends LineLook {
  readonly label: string;
  readonly hollow?: boolean;
}

export const RING_KEY: KeyEntry = { label: "outsized module", color: INK, shape: "circle", hollow: true };

const SIZE = 16;
const ROW = 24;
/** Units from the left edge, from a mark to its name, and between entries. */
const [LEFT, NEXT, APART] = [30, 12, 26];

/** A key in a figure of this width: its height, and options of Plot. */
export function keyChart(entries: readonly KeyEntry[], width: number) {
  const room = width - LEFT - NEXT - 10;
  let [x, row] = [LEFT, 0];
  const placed = entries.map((entry) => {
    const label = fitted(entry.label, room, SIZE);
    const own = NEXT + textWidth(label, SIZE);
    if (x > LEFT && x + own > width - 10) [x, row] = [LEFT, row + 1];
    const place = { ...entry, label, x, y: row * ROW + ROW / 2 };
    x += own + APART;
    return place;
  });
  const height = (row + 1) * ROW;
  const margins = { marginLeft: 0, marginRight: 0, marginTop: 0, marginBottom: 0 };
  const options: Plot.PlotOptions = {
    width,
    height,
    ...margins,
    x: { domain: [0, width], axis: null },
    y: { domain: [height, 0], axis: null },
    marks: placed.flatMap(({ x, y, label, color, shape, hollow }) => [
      Plot.dot([{ x, y }], { ...AT, symbol: shape, r: 5, ...hollow ? { stroke: color } : { fill: color } }),
      Plot.text([{ x, y, label }], { ...AT, text: "label", dx: NEXT, textAnchor: "start", fill: INK }),
    ]),
  };
  return { height, options };
}
