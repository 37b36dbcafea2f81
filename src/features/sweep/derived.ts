/** The curves of a sweep in groups over their seeds, and which of two costs more, as far as the samples and seeds say. */
import {
  halfWidth95,
  KINDS,
  mean,
  type Rise,
  studentT95,
  type Verdict,
  withinBudget,
} from "core/measure/mod.ts";
import { aSweep, type Sweep } from "./result.ts";
import {
  isByImportance,
  isSeeded,
  PAPER_SCORE,
  type RiseInterval,
  riseOverSamples,
  SCORES,
  type Sign,
} from "core/result/mod.ts";
import { expect, like, optionsOf } from "core/entry/mod.ts";

type SweepCurve = Sweep["curves"][number];
/** The full model, or a plan, with its losses. */
export type SweepPoint = SweepCurve["points"][number];

/** Curves of one target, order and repair; a random order has one per seed. */
export interface CurveGroup extends Pick<SweepCurve, "target" | "by" | "repair"> {
  /** In the order of drops: the values over the seeds. */
  readonly points: readonly { readonly dropped: number; readonly values: readonly SweepPoint[] }[];
}

/** Groups the curves of a sweep, in its order. */
export function groupsOf({ curves }: Sweep): CurveGroup[] {
  const groups = Map.groupBy(curves, ({ target, by, repair }) => `${target} ${by} ${repair?.by ?? ""}`);
  return [...groups.values()].map((members) => {
    const { target, by, repair } = members[0];
    const points = members.flatMap(({ points }) => points);
    const counts = [...Map.groupBy(points, ({ dropped }) => dropped)].sort(([a], [b]) => a - b);
    return {
      target,
      by,
      ...repair ? { repair } : {},
      points: counts.map(([dropped, values]) => ({ dropped, values })),
    };
  });
}

/** Whether a curve is the paper's: drops by importance, and nothing repaired. */
export function isPaperCurve({ by, repair }: Pick<SweepCurve, "by" | "repair">): boolean {
  return isByImportance({ by }) && !repair;
}

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
function costsLess(one: Cost, other: Cost, samples: number): Verdict {
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

/** The 95 % interval of a group's rise at a number of drops, in nats per token; null where the samples or seeds cannot tell. */
export function riseInterval(cost: Cost, samples: number): readonly [low: number, high: number] | null {
  const half = halfOf(cost, samples);
  const rise = meanOf(cost.values, (point) => point.rise);
  return half === null ? null : [rise - half, rise + half];
}

/** Which of two drops of a sweep costs more. */
export function riseSign(a: SweepPoint, b: SweepPoint, samples: number): Sign {
  const [one, other] = [a, b].map((point) => ({ by: PAPER_SCORE, values: [point] }));
  return ({ yes: -1, no: 1, "cannot tell": 0 } as const)[costsLess(one, other, samples)];
}

/**
 * What dropping so many modules costs in each order, without repairs; and whether attention by importance costs less than in random orders
 * (`holds`), and less than MLPs by importance (`cheaper`).
 */
export function generalityOf(sweep: Sweep, dropped: number) {
  const costs = groupsOf(sweep).filter(({ repair }) => !repair).flatMap(({ points, ...group }) => {
    const at = points.find((point) => point.dropped === dropped);
    return at ? [{ ...group, values: at.values }] : [];
  });
  const find = (kind: CurveGroup["target"], has: (curve: Pick<SweepCurve, "by">) => boolean) =>
    costs.find((cost) => cost.target === kind && has(cost));
  const own = find("attention", isByImportance);
  const against = (other: Cost | undefined): Verdict =>
    own && other ? costsLess(own, other, sweep.provenance.packing.samples) : "cannot tell";
  return {
    costs,
    holds: against(find("attention", isSeeded)),
    cheaper: against(find("mlp", isByImportance)),
  };
}

/** Attention and MLP by importance at a number of drops that titles compare: the common one nearest to `at`, a quarter of the layers. */
export function commonPoints<Point extends { readonly dropped: number }>(
  curves: readonly (Pick<CurveGroup, "target" | "by" | "repair"> & { readonly points: readonly Point[] })[],
  layers: number,
  at = layers / 4,
): { readonly dropped: number; readonly attention: Point; readonly mlp: Point } | null {
  const pointsOf = (kind: CurveGroup["target"]) =>
    curves.find((curve) => curve.target === kind && isPaperCurve(curve))?.points ?? [];
  const others = pointsOf("mlp");
  const [nearest] = pointsOf("attention").flatMap((attention) => {
    const mlp = others.find(({ dropped }) => dropped === attention.dropped);
    return mlp && mlp.dropped > 0 ? [{ dropped: mlp.dropped, attention, mlp }] : [];
  }).sort((a, b) => Math.abs(a.dropped - at) - Math.abs(b.dropped - at));
  return nearest ?? null;
}

/** A sweep's points at that number, of the first seed; and those that attention's is compared with, which an order without a measurement has too. */
export function comparedAt(sweep: Sweep, at?: number) {
  const { model: { layers }, packing: { samples } } = sweep.provenance;
  const common = commonPoints(groupsOf(sweep), layers, at);
  if (!common) return null;
  const { dropped, attention: { values: [attention] }, mlp: { values: [mlp] } } = common;
  const plain = sweep.curves.filter(({ target, by, repair }) =>
    target === "attention" && SCORES[by].textless && !isSeeded({ by }) && !repair
  ).flatMap(({ by, points }) =>
    points.filter((one) => one.dropped === dropped).map((point) => ({ by, point }))
  );
  const others = [{ by: null, point: mlp }, ...plain]
    .map((other) => ({ ...other, sign: riseSign(attention, other.point, samples) }));
  return { dropped, attention, mlp, others };
}

/** What the best repair saves of the longest list of drops by importance, and the repairs that the samples do not tell from it. */
export function bestRepair(groups: readonly CurveGroup[], samples: number) {
  const own = groups.filter(isByImportance);
  const [longest] = own.filter(({ repair }) => !repair).flatMap(({ target, by, points }) =>
    points.filter(({ dropped }) => dropped > 0).map(({ dropped, values }) => ({
      target,
      dropped,
      bare: { by, values },
      repaired: own.filter((one) => one.repair && one.target === target).flatMap(({ repair, points }) => {
        const at = points.find((point) => point.dropped === dropped);
        return at ? [{ name: repair!.by, by, values: at.values }] : [];
      }).sort((a, b) => a.values[0].rise - b.values[0].rise),
    }))
  ).filter(({ repaired }) => repaired.length > 0).sort((a, b) => b.dropped - a.dropped);
  if (!longest) return null;
  const { repaired: [best, ...others], ...list } = longest;
  return {
    ...list,
    best,
    verdict: costsLess(best, list.bare, samples),
    rivals: others.filter((other) => costsLess(best, other, samples) !== "yes").map(({ name }) => name),
  };
}

/**
 * The curve by importance that surely allows the most drops while perplexity rises by at most a share; its point there, or its first with
 * drops; null where no curve drops anything.
 */
export function mostAllowed({ curves, provenance: { packing: { samples } } }: Sweep, share: number) {
  const [best] = KINDS.flatMap((target) =>
    curves.filter((curve) => curve.target === target && isPaperCurve(curve))
      .filter(({ points }) => points.some(({ dropped }) => dropped > 0))
      .map(({ points }) => ({ target, points, ...withinBudget(points, Math.log(1 + share), samples) }))
  ).sort((a, b) => b.atLeast - a.atLeast || b.atMost - a.atMost);
  if (!best) return null;
  const { points, target, atLeast, atMost } = best;
  const point = points.findLast(({ dropped }) => dropped > 0 && dropped <= atLeast) ??
    points.find(({ dropped }) => dropped > 0)!;
  return { target, atLeast, atMost, point };
}

const aRise = like("a point of a sweep", (value) => Number.isFinite((value as Partial<Rise> | null)?.rise));

/**
 * How much the loss of a sweep's point exceeds the full model's, or another point's, with its 95 % interval over the sweep's samples
 * (Student's t). Two points are treated as independent; those of one sweep share their samples, which makes the interval rather too wide.
 *
 * @example
 * ```ts
 * import { reading, sweep } from "lamina";
 * import { riseOf } from "lamina/figures";
 *
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const result = await sweep("data/series/pre-ln/step04096", { ...text, calibration: text, targets: ["attention"], by: ["importance", "deepest"], upto: 2 });
 * const [importance, deepest] = result.curves.map(({ points }) => points[2]);
 * console.log(reading`${riseOf(result, importance)} nats; deepest first: ${riseOf(result, deepest, { than: importance })} more`);
 * ```
 */
export function riseOf(result: Sweep, point: Rise, options: { readonly than?: Rise } = {}): RiseInterval {
  expect("compare losses", "result", result, aSweep);
  expect("compare losses", "the point", point, aRise);
  expect("compare losses", "options", options, optionsOf({ than: aRise }));
  return riseOverSamples(result.provenance.packing.samples, point, options.than);
}
