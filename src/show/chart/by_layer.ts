/** The chart behind most figures: one line per series over the layers, ± 1 standard error, labelled at its end. */
import * as Plot from "@observablehq/plot";
import { type ModuleKind, standardError } from "../../measure/mod.ts";
import type { Profile } from "../../result/mod.ts";
import { endLabels, FRAME, layerAxis, linearAxisY, logAxisY, logDomain } from "./axes.ts";
import type { CsvRow } from "./csv.ts";
import { dots, type Shape } from "./marks.ts";
import { formatNumber } from "./numbers.ts";

/** One line. A layer without a value is a gap. */
export interface Series {
  readonly label: string;
  readonly color: string;
  readonly shape: Shape;
  readonly dash?: string;
  /** Dots in outline: for what others are compared with. */
  readonly hollow?: boolean;
  /** Of the line, in units: 2, where it does not say. */
  readonly width?: number;
  /** By layer [L]. */
  readonly values: readonly (number | null)[];
  /** Standard errors by layer [L]. */
  readonly errors: readonly (number | null)[];
}

/** Label of the y axis. */
export interface ValueAxis {
  readonly label: string;
  /** Of a logarithmic axis that several charts share. */
  readonly domain?: readonly [number, number];
  readonly log: boolean;
  readonly height?: number;
}

/** Series over the layers. On a logarithmic axis only positive values are drawn. */
export function layerChart(
  series: readonly Series[],
  { label, log, height = FRAME.height, domain: given }: ValueAxis,
) {
  const layers = Math.max(...series.map(({ values }) => values.length));
  const lines = series.map(({ values, errors, ...rest }) => ({
    ...rest,
    points: values.map((value, layer) => ({
      layer,
      value: value !== null && (!log || value > 0) ? value : NaN,
      error: errors[layer] ?? 0,
    })),
  }));
  const drawn = lines.flatMap(({ points }) => points).filter(({ value }) => !Number.isNaN(value));
  const ends = drawn.flatMap(({ value, error }) => [value - error, value + error]);
  const domain = log
    ? [...given ?? logDomain(drawn.map(({ value }) => value))] as [number, number]
    : linearDomain(ends);
  const y = { type: log ? "log" : "linear", domain } as const;
  const inside = (value: number) => Math.min(domain[1], Math.max(domain[0], value));
  const longest = Math.max(...series.map(({ label }) => label.length));
  const frame = { ...FRAME, height, marginRight: Math.max(FRAME.marginRight, 20 + 9 * longest) };
  return {
    ...frame,
    x: { domain: [-0.5, layers - 0.5] },
    y,
    marks: [
      ...log ? logAxisY(domain, label) : linearAxisY(label),
      ...layerAxis(layers),
      ...lines.flatMap(({ points, label, color, shape, dash, hollow = false, width = 2 }) => [
        Plot.ruleX(points.filter(({ value, error }) => error > 0 && !Number.isNaN(value)), {
          x: "layer",
          y1: ({ value, error }) => inside(value - error),
          y2: ({ value, error }) => inside(value + error),
          stroke: color,
          strokeWidth: 3,
          strokeOpacity: 0.35,
        }),
        Plot.line(points, {
          x: "layer",
          y: "value",
          stroke: color,
          strokeWidth: width,
          ...dash && { strokeDasharray: dash },
        }),
        dots(points.filter(({ value }) => !Number.isNaN(value)), {
          x: "layer",
          y: "value",
          color,
          shape,
          hollow,
          title: ({ layer, value, error }) =>
            `${label}, layer ${layer}: ${formatNumber(value)}${error ? ` ± ${formatNumber(error)}` : ""}`,
        }),
      ]),
      ...endLabels(
        lines.flatMap(({ points, label, color }) => {
          const last = points.findLast(({ value }) => !Number.isNaN(value));
          return last ? [{ x: last.layer, y: last.value, text: label, color }] : [];
        }),
        { ...frame, y },
      ),
    ],
  } satisfies Plot.PlotOptions;
}

/** The numbers of the series, one row per layer and series. */
export function layerRows(series: readonly Series[], names: { series: string; value: string }): CsvRow[] {
  return series.flatMap(({ label, values, errors }) =>
    values.map((value, layer) => ({
      [names.series]: label,
      layer,
      [names.value]: value,
      standard_error: errors[layer] ?? null,
    }))
  );
}

/** Standard errors, over the samples, of one of a profile's means; by layer [L]. */
export function errorsOf(
  profile: Profile,
  kind: ModuleKind,
  sum: "distance" | "magnitude" | "sign",
): (number | null)[] {
  return profile.sums[kind].map((samples) =>
    samples &&
    standardError(samples.filter(({ counted }) => counted > 0).map((sample) => sample[sum] / sample.counted))
  );
}

function linearDomain(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const air = 0.05 * (high - low || 1);
  return [low < 0 ? low - air : 0, high + air];
}
