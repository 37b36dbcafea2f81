/** Curves of a sweep: a measure against the number of modules dropped. Orders of one target share its colour and differ in dash pattern, and so do repairs of one order; random ones have hollow dots too. */
import { mean, MODULES, type RepairName } from "core/measure/mod.ts";
import {
  type Cost,
  type CurveGroup,
  groupsOf,
  isPaperCurve,
  riseInterval,
  type SweepPoint,
} from "./derived.ts";
import { isSeeded, SCORES } from "core/result/mod.ts";
import type { Sweep } from "./result.ts";
import { curveName, endName } from "./words.ts";
import { formatNumber, OUTSIZED_NOTE } from "core/show/words/mod.ts";
import { type Axis, dropAxis, logAxis, logDomain } from "core/show/chart/draw/axes.ts";
import { lookOfKind } from "core/show/chart/draw/colors.ts";
import { type Panel, RING, type Series } from "core/show/chart/draw/panel.ts";

/** Dashes of the repairs, behind those of an order. */
const REPAIR_DASHES: Readonly<Record<RepairName, string>> = {
  mean: "2 7",
  refit: "12 4 2 4",
  linear: "12 5",
};

type Drawn = Pick<CurveGroup, "target" | "by" | "repair">;

const dashOf = ({ by, repair }: Drawn) =>
  [SCORES[by].dash ?? [], repair ? REPAIR_DASHES[repair.by] : []].flat().join(" ") || undefined;

/** The most seeds of a point of random orders; 0 without random orders. */
export function mostSeeds(groups: readonly CurveGroup[]): number {
  const points = groups.filter(isSeeded).flatMap(({ points }) => points);
  return Math.max(0, ...points.map(({ values }) => values.length));
}

/** How the dots of random orders and the bands of their seeds are explained; empty without random orders. */
export function seededText(groups: readonly CurveGroup[]): string {
  const most = mostSeeds(groups);
  if (most === 0) return "";
  return most > 1
    ? `Hollow dots: random orders, mean of ${most} seeds; their band reaches from the lowest to the highest.`
    : "Hollow dots: a single random order.";
}

interface CurvePoint {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

interface DropCurve extends Drawn {
  readonly points: readonly (CurvePoint & { readonly dropped: number; readonly ringed?: boolean })[];
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
  const drawn = curves.map((curve, i): Series[] => {
    const { target, by, points } = curve;
    const [look, label, end] = [lookOfKind(target), curveName(curve), endName(curve)];
    const plain = !isPaperCurve(curve);
    const shift = band ? 0 : APART * most * (i - (curves.length - 1) / 2);
    const opens = points.some(({ low = 0, high = 0 }) => high > low);
    const spread = opens
      ? points.map(({ dropped, value, ringed: _, ...ends }) => ({ x: dropped + shift, y: value, ...ends }))
      : [];
    const dots = points.map(({ dropped, value }) => (
      { x: dropped, y: value, says: `${label}, ${dropped} dropped: ${format(value)}` }
    ));
    const rings = dots.filter((_, j) => points[j].ringed).map(({ x, y }) => ({ x, y }));
    return [
      { color: look.color, points: spread, width: 0, band },
      { color: look.color, points: dots, width: plain ? 1.5 : 2.5, dash: dashOf(curve), end, plain },
      { color: look.color, points: rings, ...RING },
      { ...look, points: dots, width: 0, hollow: isSeeded({ by }) },
    ];
  });
  const series = [0, 1, 2, 3].flatMap((part) => drawn.map((parts) => parts[part]));
  return { height, x: dropAxis(most), y, series };
}

/**
 * Perplexity, with the interval of its rise over the full model: paired over the samples, so the full model has none. Random orders have
 * the range of their seeds, since two or three seeds give an interval that hides all other lines.
 */
function perplexityOf(cost: Cost, samples: number): CurvePoint {
  const { values } = cost;
  if (values.length > 1) {
    const all = values.map(({ nll }) => nll);
    const [value, low, high] = [mean(all), Math.min(...all), Math.max(...all)].map(Math.exp);
    return { value, low, high };
  }
  const [{ nll, rise }] = values;
  const ends = riseInterval(cost, samples)?.map((end) => Math.exp(nll - rise + end));
  return { value: Math.exp(nll), ...ends && { low: ends[0], high: ends[1] } };
}

/** Whether a plan drops a module that is outsized on the calibration text. */
function dropsOutsized({ outsized }: Sweep, drop: SweepPoint["drop"]): boolean {
  return MODULES.some((kind) => outsized[kind].some((layer) => drop[kind].includes(layer)));
}

/** How a caption explains the rings; empty without one. */
export function outsizedPlansText(sweep: Sweep): string {
  const any = sweep.curves.some(({ points }) => points.some(({ drop }) => dropsOutsized(sweep, drop)));
  return any ? `Rings: a module is dropped that has ${OUTSIZED_NOTE}.` : "";
}

/** The perplexity of every curve of a sweep at each number of drops. */
export function perplexityChart(sweep: Sweep): Panel {
  const { samples } = sweep.provenance.packing;
  const curves = groupsOf(sweep).map(({ points, ...group }): DropCurve => ({
    ...group,
    points: points.map(({ dropped, values }) => ({
      dropped,
      ...perplexityOf({ by: group.by, values }, samples),
      ringed: values.some(({ drop }) => dropsOutsized(sweep, drop)),
    })),
  }));
  const values = curves.flatMap(({ points }) =>
    points.flatMap(({ value, low = value, high = value }) => [low, value, high])
  );
  const y = logAxis(logDomain(values), "perplexity (log)");
  return dropChart(curves, { y, height: 460, format: formatNumber, band: true });
}
