/** Curves of a sweep: a measure against the number of modules dropped. Orders of one target share its colour and differ in dash pattern, and so do repairs of one order; random ones have hollow dots too. */
import { halfWidth95, type LayerModule, mean, MODULES, studentT95, type Verdict } from "../../measure/mod.ts";
import type { Sweep } from "../../result/mod.ts";
import { curveName, dashOf, endName, isByImportance, isSeeded, OUTSIZED_NOTE, widthOf } from "./setting.ts";
import { type Axis, dropAxis } from "./draw/axes.ts";
import { lookOf } from "./draw/colors.ts";
import { formatNumber } from "./numbers.ts";
import { type Panel, RING, type Series } from "./draw/panel.ts";

type SweepCurve = Sweep["curves"][number];
type SweepPoint = SweepCurve["points"][number];

/** Curves of one target, order and repair; a random order has one per seed. */
export interface CurveGroup {
  readonly label: string;
  readonly target: SweepCurve["target"];
  readonly by: SweepCurve["by"];
  readonly repair?: SweepCurve["repair"];
  /** In the order of drops: the values over the seeds. */
  readonly points: readonly { readonly dropped: number; readonly values: readonly SweepPoint[] }[];
}

/** The groups of a sweep, in its order. */
export function groupsOf({ curves }: Sweep): CurveGroup[] {
  const groups = Map.groupBy(curves, ({ target, by, repair }) => `${target} ${by} ${repair?.by ?? ""}`);
  return [...groups.values()].map((members) => {
    const { target, by, repair } = members[0];
    const points = members.flatMap(({ points }) => points);
    const counts = [...new Set(points.map(({ dropped }) => dropped))].sort((a, b) => a - b);
    return {
      label: curveName({ target, by, repair }),
      target,
      by,
      ...repair ? { repair } : {},
      points: counts.map((dropped) => ({
        dropped,
        values: points.filter((point) => point.dropped === dropped),
      })),
    };
  });
}

/** Whether a curve is the paper's: drops by importance, and nothing repaired. */
export function isPaperCurve({ by, repair }: Pick<SweepCurve, "by" | "repair">): boolean {
  return isByImportance({ by }) && !repair;
}

/** Mean of a number over the seeds. */
export function meanOf(values: readonly SweepPoint[], read: (point: SweepPoint) => number): number {
  return mean(values.map(read));
}

/** The values of a group at one number of drops. */
export type Cost = Pick<CurveGroup, "by"> & { readonly values: readonly SweepPoint[] };

/**
 * Whether one group loses less than another, by 95 % intervals of their rises over `samples`. Those of one sweep share the samples, so
 * that an interval of the difference as of independent numbers is rather too wide. A single sample, or a single seed of random orders,
 * cannot tell.
 */
export function costsLess(one: Cost, other: Cost, samples: number): Verdict {
  const [half, otherHalf] = [one, other].map((cost) => halfOf(cost, samples));
  if (half === null || otherHalf === null) return "cannot tell";
  const rise = ({ values }: Cost) => meanOf(values, (point) => point.rise);
  const saved = rise(other) - rise(one);
  if (!(Math.abs(saved) > Math.hypot(half, otherHalf))) return "cannot tell";
  return saved > 0 ? "yes" : "no";
}

/** Half of the interval of a group's rise: of the samples, and where orders are random, of the seeds too. */
function halfOf({ by, values }: Cost, samples: number): number | null {
  const errors = values.map(({ riseError }) => riseError);
  if (samples < 2 || errors.some((error) => error === null)) return null;
  const ofSamples = studentT95(samples) * Math.max(...errors as number[]);
  if (!isSeeded({ by })) return ofSamples;
  const ofSeeds = halfWidth95(values.map(({ rise }) => rise));
  return ofSeeds === null ? null : Math.hypot(ofSamples, ofSeeds);
}

/** A caption for random orders and, if `ranges` are drawn, the bands of their seeds; empty without random orders. */
export function seededText(groups: readonly CurveGroup[], { ranges = false } = {}): string {
  const seeds = groups.filter(isSeeded)
    .map(({ points }) => Math.max(...points.map(({ values }) => values.length)));
  if (seeds.length === 0) return "";
  const most = Math.max(...seeds);
  return most > 1
    ? ` Hollow dots: random orders, mean of ${most} seeds${ranges ? "; bands: their range" : ""}.`
    : " Hollow dots: a single random order.";
}

/** The 95 % interval of a group's rise at a number of drops, in nats per token; null where the samples or seeds cannot tell. */
export function riseInterval(cost: Cost, samples: number): readonly [low: number, high: number] | null {
  const half = halfOf(cost, samples);
  const rise = meanOf(cost.values, (point) => point.rise);
  return half === null ? null : [rise - half, rise + half];
}

/** A line over the number of modules dropped; its points may have intervals. */
interface DropCurve extends Pick<CurveGroup, "target" | "by" | "repair"> {
  readonly points: readonly {
    readonly dropped: number;
    readonly value: number;
    readonly low?: number;
    readonly high?: number;
    /** Whether its dot gets a ring. */
    readonly ringed?: boolean;
  }[];
}

/** Between the bars of two curves at the same number, as a part of the axis. */
const APART = 0.011;

/** Draws curves: intervals as bands, or else as bars side by side, then lines, then dots. */
export function dropChart(
  curves: readonly DropCurve[],
  { y, height, format, band = false }: {
    readonly y: Axis;
    readonly height: number;
    readonly format: (value: number) => string;
    readonly band?: boolean;
  },
): Panel {
  const most = Math.max(1, ...curves.flatMap(({ points }) => points.map(({ dropped }) => dropped)));
  const drawn = curves.map(({ target, by, repair, points }, i): Series[] => {
    const curve = { target, by, repair };
    const [look, label, end] = [lookOf(target), curveName(curve), endName(curve)];
    const plain = !isPaperCurve(curve);
    const shift = band ? 0 : APART * most * (i - (curves.length - 1) / 2);
    const opens = points.some(({ low = 0, high = 0 }) => high > low);
    const spread = opens
      ? points.map(({ dropped, value, ringed: _, ...ends }) => ({ x: dropped + shift, y: value, ...ends }))
      : [];
    const rings = points.filter(({ ringed }) => ringed).map(({ dropped, value }) => ({
      x: dropped,
      y: value,
    }));
    const dots = points.map(({ dropped, value }) => (
      { x: dropped, y: value, says: `${label}, ${dropped} dropped: ${format(value)}` }
    ));
    return [
      { color: look.color, points: spread, width: 0, band },
      { color: look.color, points: dots, width: widthOf(curve), dash: dashOf(curve), end, plain },
      { color: look.color, points: rings, ...RING },
      { ...look, points: dots, width: 0, hollow: isSeeded({ by }) },
    ];
  });
  const series = [0, 1, 2, 3].flatMap((part) => drawn.map((parts) => parts[part]));
  return { height, x: dropAxis(most), y, series };
}

/** The place of a group at a number of drops, with the ends of its band. */
interface CurvePoint {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

/** The mean of a number over the seeds, with a band from the lowest to the highest. */
export function overSeeds(read: (point: SweepPoint) => number) {
  return ({ values }: Cost): CurvePoint => {
    const ends = values.map(read);
    return { value: mean(ends), low: Math.min(...ends), high: Math.max(...ends) };
  };
}

/** Whether a plan drops a module that is outsized on the calibration text. */
function dropsOutsized({ outsized }: Sweep, drop: SweepPoint["drop"]): boolean {
  return MODULES.some((kind) => outsized?.[kind].some((layer) => drop[kind].includes(layer)));
}

/** How a caption explains the rings; nothing without one. */
export function outsizedPlansText(sweep: Sweep): string {
  const any = sweep.curves.some(({ points }) => points.some(({ drop }) => dropsOutsized(sweep, drop)));
  return any ? ` Rings: a module is dropped that has ${OUTSIZED_NOTE}.` : "";
}

/** Draws the groups of a sweep, with bands. */
export function curveChart(
  groups: readonly CurveGroup[],
  { read, sweep, ...look }: {
    /** What is drawn of a group at a number of drops. */
    readonly read: (cost: Cost) => CurvePoint;
    readonly y: Axis;
    readonly height: number;
    readonly sweep: Sweep;
  },
): Panel {
  const curves = groups.map(({ target, by, repair, points }) => ({
    target,
    by,
    repair,
    points: points.map(({ dropped, values }) => ({
      dropped,
      ...read({ by, values }),
      ringed: values.some(({ drop }) => dropsOutsized(sweep, drop)),
    })),
  }));
  return dropChart(curves, { ...look, format: formatNumber, band: true });
}

/** Attention and MLP by importance at a number of drops that titles compare: the common one nearest to `at`, a quarter of the layers. */
export function commonPoints<Point extends { readonly dropped: number }>(
  curves: readonly (Pick<CurveGroup, "target" | "by" | "repair"> & { readonly points: readonly Point[] })[],
  layers: number,
  at = layers / 4,
): { readonly dropped: number; readonly attention: Point; readonly mlp: Point } | null {
  const pointsOf = (kind: LayerModule) =>
    curves.find((curve) => curve.target === kind && isPaperCurve(curve))?.points ?? [];
  const others = pointsOf("mlp");
  const [nearest] = pointsOf("attention").flatMap((attention) => {
    const mlp = others.find(({ dropped }) => dropped === attention.dropped);
    return mlp && mlp.dropped > 0 ? [{ dropped: mlp.dropped, attention, mlp }] : [];
  }).sort((a, b) => Math.abs(a.dropped - at) - Math.abs(b.dropped - at));
  return nearest ?? null;
}

/** A sweep's points at that number, of the first seed. */
export function comparedAt(groups: readonly CurveGroup[], layers: number, at?: number) {
  const common = commonPoints(groups, layers, at);
  return common &&
    { dropped: common.dropped, attention: common.attention.values[0], mlp: common.mlp.values[0] };
}
