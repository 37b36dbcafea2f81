/** Measures over layers or steps, with their standard errors: as series of a chart, and as rows of numbers. */
import { type ModuleKind, type SmoothingName, standardError } from "../../measure/mod.ts";
import type { Profile, Smoothed } from "../../result/mod.ts";
import { type Axis, indexAxis, linearAxis, logAxis, logDomain, withZero } from "./draw/axes.ts";
import { type Look, lookOf } from "./draw/colors.ts";
import type { CsvRow } from "./csv.ts";
import { formatNumber } from "./numbers.ts";
import type { Panel, Series } from "./draw/panel.ts";
import { KIND_NAMES } from "./setting.ts";

/** One line. A layer without a value is a gap. */
export interface Line extends Look, Partial<Pick<Series, "dash" | "hollow" | "width">> {
  readonly label: string;
  /** By layer [L]. */
  readonly values: readonly (number | null)[];
  /** Standard errors by layer [L]. */
  readonly errors: readonly (number | null)[];
}

/** A line with bars of ± 1 standard error over layers, or over steps. */
export function seriesOf({ label, values, errors, ...look }: Line, steps?: readonly number[]): Series {
  const place = (i: number) => steps ? `step ${steps[i]}` : `layer ${i}`;
  const points = values.map((y, i) => {
    const [x, error] = [steps ? steps[i] : i, errors[i] ?? 0];
    if (y === null) return { x, y };
    const says = `${label}, ${place(i)}: ${formatNumber(y)}${error ? ` ± ${formatNumber(error)}` : ""}`;
    return { x, y, says, ...error > 0 ? { low: y - error, high: y + error } : {} };
  });
  return { ...look, points, end: label };
}

/** A y axis for all points of some series. */
export function valueAxis(series: readonly Series[], label: string, log: boolean): Axis {
  const points = series.flatMap(({ points }) => points);
  return log ? logAxis(logDomain(points.map(({ y }) => y ?? 0)), label) : linearAxis(
    withZero(points.flatMap(({ y, low, high }) => y === null ? [] : [low ?? y, high ?? y])),
    label,
  );
}

/** Lines over the layers, labelled at their ends. */
export function layerChart(
  lines: readonly Line[],
  { label, log, height = 400, domain }: {
    readonly label: string;
    readonly log: boolean;
    readonly height?: number;
    /** Of a logarithmic axis that several charts share. */
    readonly domain?: readonly [number, number];
  },
): Panel {
  const series = lines.map((line) => seriesOf(line));
  return {
    height,
    x: indexAxis(Math.max(...lines.map(({ values }) => values.length)), "layer"),
    y: domain ? logAxis(domain, label) : valueAxis(series, label, log),
    series,
  };
}

/** A mean of a profile for each kind of module. */
export function profileLines<Kind extends ModuleKind>(
  profile: Profile,
  kinds: readonly Kind[],
  read: (means: Profile[Kind]) => readonly (number | null)[],
  errors: (kind: Kind) => readonly (number | null)[] = (kind) => profile[kind].standardError,
): Line[] {
  return kinds.map((kind) => (
    { label: KIND_NAMES[kind], ...lookOf(kind), values: read(profile[kind]), errors: errors(kind) }
  ));
}

/** The numbers of the lines, one row per layer and line. */
export function layerRows(lines: readonly Line[], names: { series: string; value: string }): CsvRow[] {
  return lines.flatMap(({ label, values, errors }) =>
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

/** A measure and its standard error by layer, of the output of the layer's last module, or else its input. */
export function layerStreams(smoothed: Smoothed, name: SmoothingName) {
  const curves = [smoothed.mlp[name], smoothed.attention[name]];
  let stream: Record<"value" | "error", number | null> = { value: smoothed.embedding[name], error: null };
  return curves[0].mean.map((_, l) => {
    const last = curves.find(({ mean }) => mean[l] !== null);
    if (last) stream = { value: last.mean[l], error: last.standardError[l] };
    return stream;
  });
}
