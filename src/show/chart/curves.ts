/** Curves of a sweep: a measure against the number of modules dropped. Orders of one target share its colour and differ in dash pattern; random ones have hollow dots too. */
import * as Plot from "@observablehq/plot";
import { halfWidth95, type LayerModule, mean, studentT95, type Verdict } from "../../measure/mod.ts";
import { SCORES, type Sweep } from "../../result/mod.ts";
import { AXIS_X, COLORS, countTicks, endLabels, FRAME } from "./axes.ts";
import type { CsvRow } from "./csv.ts";
import { dots, SHAPES } from "./marks.ts";
import { formatNumber } from "./numbers.ts";
import { curveName, isByImportance, isSeeded, widthOf } from "./scores.ts";
import { KIND_NAMES } from "./setting.ts";

type SweepCurve = Sweep["curves"][number];
type SweepPoint = SweepCurve["points"][number];

/** Curves of one target and order; a random order has one per seed. */
export interface CurveGroup {
  readonly label: string;
  readonly color: string;
  readonly dash: string | undefined;
  readonly target: SweepCurve["target"];
  readonly by: SweepCurve["by"];
  /** In the order of drops: the values over the seeds. */
  readonly points: readonly { readonly dropped: number; readonly values: readonly SweepPoint[] }[];
}

/** The groups of a sweep, in its order. */
export function groupsOf({ curves }: Sweep): CurveGroup[] {
  const keys = [...new Set(curves.map(({ target, by }) => `${target} ${by}`))];
  return keys.map((key) => {
    const members = curves.filter(({ target, by }) => `${target} ${by}` === key);
    const { target, by } = members[0];
    const points = members.flatMap(({ points }) => points);
    const counts = [...new Set(points.map(({ dropped }) => dropped))].sort((a, b) => a - b);
    return {
      label: curveName(members[0]),
      color: COLORS[target],
      dash: SCORES[by].dash,
      target,
      by,
      points: counts.map((dropped) => ({
        dropped,
        values: points.filter((point) => point.dropped === dropped),
      })),
    };
  });
}

/** Mean of a number over the seeds. */
export function meanOf(values: readonly SweepPoint[], read: (point: SweepPoint) => number): number {
  return mean(values.map(read));
}

/** The values of a group at one number of drops. */
type Cost = Pick<CurveGroup, "by"> & { readonly values: readonly SweepPoint[] };

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

/** What a caption says of random orders, where there are some; of bands, where several seeds make one. */
export function seededText(groups: readonly CurveGroup[]): string {
  const seeds = groups.filter(isSeeded)
    .map(({ points }) => Math.max(...points.map(({ values }) => values.length)));
  if (seeds.length === 0) return "";
  const most = Math.max(...seeds);
  return most > 1
    ? ` Hollow dots: random orders, mean of ${most} seeds; bands: their range.`
    : " Hollow dots: a single random order.";
}

/** One panel of curves. */
export interface CurvePanel {
  /** The number drawn. */
  readonly read: (point: SweepPoint) => number;
  /** From the mean over seeds of `read` to the axis: exp for a perplexity read as nll. */
  readonly show?: (value: number) => number;
  readonly y: { readonly type: "log" | "linear"; readonly domain: readonly [number, number] };
  readonly axis: readonly Plot.Markish[];
  readonly height: number;
}

/** Draws the groups: lines with dots, seeds as a band from the lowest to the highest. */
export function curveChart(groups: readonly CurveGroup[], panel: CurvePanel): Plot.PlotOptions {
  const { read, show = (value) => value, y, axis, height } = panel;
  const longest = Math.max(...groups.map(({ label }) => label.length));
  const frame = { ...FRAME, height, marginRight: Math.max(FRAME.marginRight, 20 + 9 * longest) };
  const most = Math.max(1, ...groups.flatMap(({ points }) => points.map(({ dropped }) => dropped)));
  const drawn = groups.map((group) => ({
    ...group,
    line: group.points.map(({ dropped, values }) => ({ dropped, value: show(meanOf(values, read)) })),
    band: group.points.map(({ dropped, values }) => ({
      dropped,
      low: Math.min(...values.map((value) => show(read(value)))),
      high: Math.max(...values.map((value) => show(read(value)))),
    })),
  }));
  return {
    ...frame,
    x: { domain: [0, most] },
    y: { ...y, domain: [...y.domain] },
    marks: [
      ...axis,
      Plot.axisX(countTicks(most), { ...AXIS_X, tickFormat: String, label: "modules dropped" }),
      ...drawn.filter(({ band }) => band.some(({ low, high }) => high > low)).map(({ band, color }) =>
        Plot.areaY(band, { x: "dropped", y1: "low", y2: "high", fill: color, fillOpacity: 0.14 })
      ),
      ...drawn.map(({ line, color, dash, by }) =>
        Plot.line(line, {
          x: "dropped",
          y: "value",
          stroke: color,
          strokeWidth: widthOf(by),
          ...dash && { strokeDasharray: dash },
        })
      ),
      ...drawn.map(({ line, label, color, target, by }) =>
        dots(line, {
          x: "dropped",
          y: "value",
          color,
          shape: SHAPES[target],
          hollow: isSeeded({ by }),
          title: ({ dropped, value }) => `${label}, ${dropped} dropped: ${formatNumber(value)}`,
        })
      ),
      ...endLabels(
        drawn.map(({ line, label, color, by }) => {
          const last = line.at(-1)!;
          return { x: last.dropped, y: last.value, text: label, color, plain: !isByImportance({ by }) };
        }),
        { ...frame, y: { ...y, domain: [...y.domain] } },
      ),
    ],
  };
}

/** All points of a sweep. */
export function sweepRows({ curves }: Sweep): CsvRow[] {
  return curves.flatMap(({ target, by, seed, points }) =>
    points.map(({ dropped, perplexity, nll, standardError, kl, top1 }) => ({
      target: KIND_NAMES[target],
      by,
      seed,
      dropped,
      perplexity,
      nll,
      standard_error: standardError,
      kl,
      top1,
    }))
  );
}

/** The number of drops at which titles compare attention with MLP: the common one nearest to a quarter of the layers. */
export function comparedAt(groups: readonly CurveGroup[], layers: number) {
  const of = (target: LayerModule) =>
    groups.find((group) => group.target === target && isByImportance(group))?.points ?? [];
  const [attention, mlp] = [of("attention"), of("mlp")];
  const common = attention.map(({ dropped }) => dropped)
    .filter((dropped) => dropped > 0 && mlp.some((point) => point.dropped === dropped))
    .sort((a, b) => Math.abs(a - layers / 4) - Math.abs(b - layers / 4));
  if (common.length === 0) return null;
  const at = (points: typeof attention) => points.find(({ dropped }) => dropped === common[0])!.values[0];
  return { dropped: common[0], attention: at(attention), mlp: at(mlp) };
}
