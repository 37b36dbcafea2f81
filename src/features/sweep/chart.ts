/**
 * Curves of a sweep: a measure against the number of modules dropped. Orders of one target share its colour and differ in dash pattern;
 * random ones are thin, with hollow dots, a line for each seed. Repairs have hues of their own.
 */
import { MODULES, REPAIRS } from "core/measure/mod.ts";
import { type CurveGroup, isPaperCurve, riseInterval, type SweepPoint } from "./derived.ts";
import { isSeeded, SCORES } from "core/result/mod.ts";
import type { Sweep } from "./result.ts";
import { curveName } from "./words.ts";
import { formatNumber, KIND_NAMES, OUTSIZED_NOTE } from "core/show/words/mod.ts";
import { type Axis, dropAxis, logAxis, logDomain } from "core/show/chart/draw/axes.ts";
import { hueOf, lookOfKind } from "core/show/chart/draw/colors.ts";
import { type Panel, RING, type Series } from "core/show/chart/draw/panel.ts";

type Drawn = Pick<CurveGroup, "target" | "by" | "repair">;

const lookOf = ({ target, repair }: Drawn) => (
  { ...lookOfKind(target), ...repair && { color: hueOf(REPAIRS.indexOf(repair.by)).color } }
);

interface DropCurve extends Drawn {
  readonly points: readonly {
    readonly dropped: number;
    readonly value: number;
    readonly low?: number;
    readonly high?: number;
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
  const drawn = curves.map((curve, i): Series[] => {
    const { by, points } = curve;
    const [look, label, hollow] = [lookOf(curve), curveName(curve), isSeeded({ by })];
    const end = curves.findIndex((one) => curveName(one) === label) === i ? { end: label } : {}; // once for all seeds
    const [plain, dash] = [!isPaperCurve(curve), SCORES[by].dash];
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
      { color: look.color, points: dots, width: hollow ? 1 : plain ? 1.5 : 2.5, dash, ...end, plain },
      { color: look.color, points: rings, ...RING },
      { ...look, points: dots, width: 0, hollow },
    ];
  });
  const series = [0, 1, 2, 3].flatMap((part) => drawn.map((parts) => parts[part]));
  return { height, x: dropAxis(most), y, series };
}

/** Whether a plan drops a module that is outsized on the calibration text. */
function dropsOutsized({ outsized }: Sweep, drop: SweepPoint["drop"]): boolean {
  return MODULES.some((kind) => outsized[kind].some((layer) => drop[kind].includes(layer)));
}

/** How a caption explains the rings, by the outsized modules that some plan drops; empty without one. */
export function outsizedPlansText({ curves, outsized }: Sweep): string {
  const plans = curves.flatMap(({ points }) => points.map(({ drop }) => drop));
  const names = MODULES.flatMap((kind) =>
    outsized[kind].filter((layer) => plans.some((drop) => drop[kind].includes(layer)))
      .map((layer) => `${KIND_NAMES[kind]} ${layer}`)
  ).join(" or ");
  return names && `Rings: without ${names}, which has ${OUTSIZED_NOTE}.`;
}

/** The perplexity of every curve of a sweep at each number of drops, with the interval of its rise over the full model; a seed has none. */
export function perplexityChart(sweep: Sweep): Panel {
  const curves = sweep.curves.map((curve): DropCurve => ({
    ...curve,
    points: curve.points.map((point) => {
      const ends = riseInterval({ ...curve, values: [point] })?.map((end) =>
        Math.exp(point.nll - point.rise + end)
      );
      const { dropped, perplexity: value, drop } = point;
      return {
        dropped,
        value,
        ...ends && { low: ends[0], high: ends[1] },
        ringed: dropsOutsized(sweep, drop),
      };
    }),
  }));
  const values = curves.flatMap(({ points }) =>
    points.flatMap(({ value, low = value, high = value }) => [low, value, high])
  );
  const y = logAxis(logDomain(values), "perplexity (log)");
  return dropChart(curves, { y, height: 460, format: formatNumber, band: true });
}
