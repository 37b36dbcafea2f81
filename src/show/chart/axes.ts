/** What all charts share: colours, axes, and labels at the ends of lines instead of a legend. */
import * as Plot from "@observablehq/plot";
import { formatFixed, formatTick } from "./numbers.ts";
import { FAINT, INK, WIDTH } from "./svg.ts";

/** One colour per kind of module, in every figure; distinguishable under the common colour blindnesses, dark enough for text. */
export const COLORS = {
  attention: "#1f63d6",
  mlp: "#c8440b",
  block: "#57606a",
  joint: "#7a3fb5",
  consecutive: "#12805c",
} as const;
/** For texts and other unordered categories. */
export const HUES = ["#1f63d6", "#c8440b", "#12805c", "#7a3fb5", "#946800", "#c11574"] as const;

/** Style of every axis: the y label at the top left, the x label in the middle. */
export const AXIS_Y = { color: FAINT, tickSize: 0, labelOffset: 42, labelArrow: "up" } as const;
export const AXIS_X = { color: FAINT, tickSize: 4, labelAnchor: "center", labelArrow: "right" } as const;

/** Margins that hold 16-unit labels; the right one holds the labels of lines. */
export const FRAME = {
  width: WIDTH,
  height: 400,
  marginLeft: 66,
  marginRight: 104,
  marginTop: 40,
  marginBottom: 50,
} as const;

/** A scale from low to high, padded on both sides by a fraction of its length. */
export function logDomain(values: readonly number[]): [number, number] {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  if (positive.length === 0) return [0.1, 1];
  const [low, high] = [Math.log(Math.min(...positive)), Math.log(Math.max(...positive))];
  const air = Math.max(0.05 * (high - low), 0.1);
  return [Math.exp(low - air), Math.exp(high + air)];
}

/** Round numbers inside a domain: powers of ten; with 2 and 5 in between when there are few. */
export function logTicks([low, high]: readonly [number, number]): number[] {
  const decades = Math.log10(high / low);
  const factors = decades < 1.2 ? [1, 2, 3, 5, 7] : decades < 2.6 ? [1, 2, 5] : [1];
  const step = Math.max(1, Math.ceil(decades / 8));
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    if (power % step !== 0) continue;
    for (const factor of factors) {
      const tick = Number(`${factor}e${power}`);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}

/** Round numbers inside a domain, at most this many. */
export function linearTicks([low, high]: readonly [number, number], most: number): number[] {
  const power = Math.floor(Math.log10((high - low) / most));
  for (const factor of [1, 2, 5, 10, 20, 50]) {
    const step = Number(`${factor}e${power}`);
    const first = Math.ceil(low / step);
    const count = Math.floor(high / step) - first + 1;
    if (count > most) continue;
    return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }
  return [];
}

/** A linear domain with air at both sides. */
export function airyDomain(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const air = 0.08 * (high - low) || 0.1 * Math.abs(high) || 1;
  return [low - air, high + air];
}

/** A logarithmic y axis with its grid. */
export function logAxisY(domain: readonly [number, number], label: string): Plot.Markish[] {
  const ticks = logTicks(domain);
  return [
    Plot.gridY(ticks, { stroke: "#d0d7de", strokeOpacity: 1 }),
    // Through the text channel: Plot thins out the formatted ticks of a logarithmic scale.
    Plot.axisY(ticks, { ...AXIS_Y, text: formatTick, label }),
  ];
}

/** A linear y axis with its grid and, if zero is in its range, a line at zero. */
export function linearAxisY(
  label: string,
  format = (value: number) => formatFixed(value, 1),
): Plot.Markish[] {
  return [
    Plot.gridY({ stroke: "#d0d7de", strokeOpacity: 1 }),
    Plot.ruleY([0], { stroke: INK }),
    Plot.axisY({ ...AXIS_Y, label, tickFormat: format }),
  ];
}

/** Layers as an x axis: 0 … L − 1. */
export function layerAxis(layers: number, label: string | null = "layer"): Plot.Markish[] {
  const ticks = countTicks(layers - 1);
  return [Plot.axisX(ticks, { ...AXIS_X, tickFormat: String, label })];
}

/** Whole numbers from 0 to the highest, in at most this many steps. */
export function countTicks(highest: number, most = 8): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((step) => highest / step <= most) ?? 1000;
  return Array.from({ length: Math.floor(highest / step) + 1 }, (_, i) => i * step);
}

/** A label at a point of the figure. */
export interface EndLabel {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly color: string;
  /** In regular weight: for the baseline that others are compared with. */
  readonly plain?: boolean;
}

/** Labels to the right of points, moved apart so that none overlap. `y` and `height` are those of the plot. */
export function endLabels(labels: readonly EndLabel[], { y, height, marginTop, marginBottom }: {
  y: Plot.ScaleOptions;
  height: number;
  marginTop: number;
  marginBottom: number;
}): Plot.Markish[] {
  const scale = Plot.scale({ y: { ...y, range: [height - marginBottom, marginTop] } })!;
  const wanted = labels.map((label) => scale.apply(label.y) as number);
  const placed = spaced(wanted, 19, [marginTop, height - marginBottom]);
  return labels.map((label, i) =>
    Plot.text([label], {
      x: "x",
      y: "y",
      text: "text",
      fill: label.color,
      fontWeight: label.plain ? 400 : 600,
      textAnchor: "start",
      dx: 10,
      dy: placed[i] - wanted[i],
    })
  );
}

/** Positions at least `gap` apart and inside the bounds where they fit, in the order wanted, moved as little as that needs. */
export function spaced(
  wanted: readonly number[],
  gap: number,
  [low, high]: readonly [number, number],
): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  // Isotonic regression: of wanted − rank × gap, neighbours out of order share their mean.
  const groups: { sum: number; members: number[] }[] = [];
  order.forEach((index, rank) => {
    groups.push({ sum: wanted[index] - rank * gap, members: [index] });
    while (groups.length > 1) {
      const [before, last] = groups.slice(-2);
      if (before.sum / before.members.length <= last.sum / last.members.length) break;
      groups.splice(-2, 2, { sum: before.sum + last.sum, members: [...before.members, ...last.members] });
    }
  });
  const placed = new Array<number>(wanted.length);
  const top = high - (wanted.length - 1) * gap;
  let rank = 0;
  for (const { sum, members } of groups) {
    const base = Math.max(low, Math.min(top, sum / members.length));
    for (const index of members) placed[index] = base + rank++ * gap;
  }
  return placed;
}
