/** Axes that fit their panel: labels and names that are cut where they are too long, and no more ticks than have room. */
import { type Axis, thinned } from "./axes.ts";
import type { Frame, Sized } from "./panel.ts";
import { fitted, textWidth } from "./text_width.ts";

export function fittingAxes(
  { x, y }: Sized,
  { width, marginLeft, marginRight, height, marginTop, marginBottom }: Frame,
) {
  const inside = width - marginLeft - marginRight;
  const across = 2 * Math.min(marginLeft, marginRight) + inside;
  const down = height - Math.min(marginTop, marginBottom);
  const size = x.small ? 14 : 16;
  const space = inside / (x.names?.length ?? 1);
  return {
    x: thinnedAxis({ ...shortAxis(x, across - (x.small ? 0 : ARROW), size, space - 4) }, inside, size),
    y: shortAxis(y, (y.turned ? down : width) - ARROW, 16, marginLeft - 16),
  };
}

/** Room for the arrow beside an axis' label. */
const ARROW = 28;

/** An axis whose label and names take at most this room. */
function shortAxis(axis: Axis, room: number, size: number, each: number): Axis {
  return {
    ...axis,
    ...axis.label ? { label: fitted(axis.label, room, size) } : {},
    ...axis.names ? { names: axis.names.map((name) => fitted(name, each, axis.small ? 14 : 16)) } : {},
  };
}

/** Every n-th tick, so that their labels do not touch. */
function thinnedAxis(axis: Axis, inside: number, size: number): Axis {
  const { ticks, names, format = String } = axis;
  if (!ticks || names || ticks.length < 2) return axis;
  const widest = Math.max(...ticks.map((tick) => textWidth(format(tick), size)));
  const most = Math.max(2, Math.floor(inside / (0.8 * widest + 6)));
  return ticks.length > most ? { ...axis, ticks: thinned(ticks, most) } : axis;
}
