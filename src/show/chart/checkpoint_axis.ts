/**
 * Steps of training as an x axis: logarithmic, with room for step 0. Up to the first positive step the scale is linear
 * (symlog), so an even spacing in the logarithm looks even and 0 stands at the left.
 */
import * as Plot from "@observablehq/plot";
import { AXIS_X, endLabels, FRAME } from "./axes.ts";
import { dots, type Shape } from "./marks.ts";
import { formatNumber, formatTick } from "./numbers.ts";

/** The scale for these steps. */
export function stepScale(steps: readonly number[]) {
  const constant = Math.min(...steps.filter((step) => step > 0), Infinity);
  return {
    type: "symlog",
    constant: Number.isFinite(constant) ? constant : 1,
    domain: [steps[0], Math.max(steps.at(-1)!, steps[0] + 1)],
  } as const;
}

/** The axis: the measured steps, thinned to at most this many labels. */
export function stepAxis(
  steps: readonly number[],
  most: number,
  label: string | null = "step",
): Plot.Markish {
  return Plot.axisX(thinned(steps, most), { ...AXIS_X, tickFormat: formatStep, label });
}

/** Every n-th entry, starting with the first, at most this many. */
export function thinned<T>(entries: readonly T[], most: number): T[] {
  const every = Math.ceil(entries.length / most);
  return entries.filter((_, i) => i % every === 0);
}

/** 0, 512, 4k, 143k: three digits at most. */
export function formatStep(step: number): string {
  return step < 1000
    ? String(step)
    : step < 10_000 && step % 1000 > 99
    ? `${(step / 1000).toFixed(1)}k`
    : formatTick(step);
}

/** A line over the steps; a step without a value is a gap. */
export interface StepLine {
  readonly label: string;
  readonly color: string;
  readonly shape: Shape;
  readonly dash?: string;
  readonly points: readonly {
    readonly step: number;
    readonly value: number | null;
    readonly error?: number | null;
  }[];
}

/** Lines over the steps, labelled at their ends, with ± 1 standard error where there is one. */
export function stepChart(
  lines: readonly StepLine[],
  { steps, y, axis, height }: {
    readonly steps: readonly number[];
    readonly y: { readonly type: "log" | "linear"; readonly domain: readonly [number, number] };
    readonly axis: readonly Plot.Markish[];
    readonly height: number;
  },
): Plot.PlotOptions {
  const scale = { ...y, domain: [...y.domain] };
  const longest = Math.max(...lines.map(({ label }) => label.length));
  const frame = { ...FRAME, height, marginRight: Math.max(FRAME.marginRight, 24 + 9 * longest) };
  const inside = (value: number) => Math.min(y.domain[1], Math.max(y.domain[0], value));
  const drawn = lines.map((line) => ({
    ...line,
    points: line.points.map((point) => ({ ...point, value: point.value ?? NaN, error: point.error ?? 0 })),
  }));
  const there = ({ value }: { value: number }) => Number.isFinite(value);
  return {
    ...frame,
    x: { ...stepScale(steps), domain: [...stepScale(steps).domain] },
    y: scale,
    marks: [
      ...axis,
      stepAxis(steps, 9),
      ...drawn.flatMap(({ points, label, color, shape, dash }) => [
        Plot.ruleX(points.filter((point) => there(point) && point.error > 0), {
          x: "step",
          y1: ({ value, error }) => inside(value - error),
          y2: ({ value, error }) => inside(value + error),
          stroke: color,
          strokeWidth: 3,
          strokeOpacity: 0.35,
        }),
        Plot.line(points, {
          x: "step",
          y: "value",
          stroke: color,
          strokeWidth: 2,
          ...dash && { strokeDasharray: dash },
        }),
        dots(points.filter(there), {
          x: "step",
          y: "value",
          color,
          shape,
          title: ({ step, value }) => `${label}, step ${step}: ${formatNumber(value)}`,
        }),
      ]),
      ...endLabels(
        drawn.flatMap(({ points, label, color }) => {
          const last = points.findLast(there);
          return last ? [{ x: steps.at(-1)!, y: last.value, text: label, color }] : [];
        }),
        { ...frame, y: scale },
      ),
    ],
  };
}
