/** Measures over layers or steps, with their standard errors: as series of a chart, and as rows of numbers. */
import { type ModuleKind, type SmoothingName, standardError } from "../../measure/mod.ts";
import type { Profile, Smoothed } from "../../result/mod.ts";
import { type Axis, indexAxis, linearAxis, logAxis, logDomain, withZero } from "./draw/axes.ts";
import { type Look, lookOf } from "./draw/colors.ts";
import type { CsvRow } from "./csv.ts";
import { formatNumber } from "./numbers.ts";
import { type Panel, RING, type Series } from "./draw/panel.ts";
import { KIND_NAMES } from "./setting.ts";

/** By layer [L]; null where a layer has no value. */
export type ByLayer = readonly (number | null)[];

/** One line. A layer without a value is a gap. */
export interface Line extends Look, Partial<Pick<Series, "dash" | "hollow" | "width">> {
  readonly label: string;
  readonly values: ByLayer;
  /** Standard errors. */
  readonly errors: ByLayer;
  /** Layers whose dots get a ring. */
  readonly ringed?: readonly number[];
}

/** Where the i-th value of a line lies. */
interface Place {
  readonly x: number;
  /** In words: "layer 3". */
  readonly at: string;
}

const byLayer = (i: number): Place => ({ x: i, at: `layer ${i}` });

/** The places of training steps. */
export function atSteps(steps: readonly number[]): (i: number) => Place {
  return (i) => ({ x: steps[i], at: `step ${steps[i]}` });
}

/** The depth of a layer: 0 for the first, 1 for the last. */
export function depthOf(layer: number, layers: number): number {
  return layers > 1 ? layer / (layers - 1) : 0;
}

/** A line with bars of ± 1 standard error over layers, or over other places. */
export function seriesOf({ label, values, errors, ringed: _, ...look }: Line, placeOf = byLayer): Series {
  const points = values.map((y, i) => {
    const { x, at } = placeOf(i);
    const error = errors[i] ?? 0;
    if (y === null) return { x, y };
    const says = `${label}, ${at}: ${formatNumber(y)}${error ? ` ± ${formatNumber(error)}` : ""}`;
    return { x, y, says, ...error > 0 ? { low: y - error, high: y + error } : {} };
  });
  return { ...look, points, end: label };
}

/** Rings around the dots of some layers; nothing without any. */
function ringsOf({ color, values, ringed = [] }: Line, placeOf: (i: number) => Place): Series[] {
  const points = ringed.map((layer) => ({ x: placeOf(layer).x, y: values[layer] }));
  return points.length > 0 ? [{ color, points, ...RING }] : [];
}

/** A y axis for all points of some series. */
export function valueAxis(series: readonly Series[], label: string, log: boolean): Axis {
  const points = series.flatMap(({ points }) => points);
  return log ? logAxis(logDomain(points.map(({ y }) => y ?? 0)), label) : linearAxis(
    withZero(points.flatMap(({ y, low, high }) => y === null ? [] : [low ?? y, high ?? y])),
    label,
  );
}

/** The axis of depth, for models of different depth. */
const DEPTH: Axis = {
  domain: [-0.02, 1.02],
  ticks: [0, 0.25, 0.5, 0.75, 1],
  format: (depth) => String(depth),
  label: "relative depth",
};

/** Lines over the layers, labelled at their ends; over relative depth where the models differ in depth. */
export function layerChart(
  lines: readonly Line[],
  { label, log, height = 400, domain, kind }: {
    readonly label: string;
    readonly log: boolean;
    readonly height?: number;
    /** The kind of module that all lines are of, as a heading. */
    readonly kind?: ModuleKind;
    /** Of an axis that several charts share. */
    readonly domain?: readonly [number, number] | undefined;
  },
): Panel {
  const layers = lines.map(({ values }) => values.length);
  const relative = new Set(layers).size > 1;
  const places = layers.map((count) =>
    relative ? (i: number) => ({ x: depthOf(i, count), at: `layer ${i}` }) : byLayer
  );
  const series = lines.map((line, l) => seriesOf(line, places[l]));
  return {
    height,
    ...kind ? { headings: [{ text: KIND_NAMES[kind], color: lookOf(kind).color }] } : {},
    x: relative ? DEPTH : indexAxis(layers[0], "layer"),
    y: domain ? (log ? logAxis : linearAxis)(domain, label) : valueAxis(series, label, log),
    series: [...lines.flatMap((line, l) => ringsOf(line, places[l])), ...series],
  };
}

/** A measure of a profile for each kind of module. */
export function profileLines<Kind extends ModuleKind>(
  profile: Profile,
  kinds: readonly Kind[],
  read: (profile: Profile, kind: Kind) => { readonly values: ByLayer; readonly errors: ByLayer },
): Line[] {
  return kinds.map((kind) => ({ label: KIND_NAMES[kind], ...lookOf(kind), ...read(profile, kind) }));
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
