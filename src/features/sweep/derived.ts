/** The curves of a sweep in groups over their seeds, and which of two costs more, as far as the samples and seeds say. */
import {
  halfWidth95,
  KINDS,
  mean,
  planHash,
  type Rise,
  type Verdict,
  withinBudget,
} from "core/measure/mod.ts";
import { aSweep, type Sweep } from "./result.ts";
import {
  type Difference,
  intervalSign,
  isByImportance,
  isSeeded,
  PAPER_SCORE,
  type RiseInterval,
  riseOverSamples,
  SCORES,
  type Sign,
} from "core/result/mod.ts";
import { expect, like, optionsOf, sum } from "core/entry/mod.ts";

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

/** Whether two points drop the same modules, and change the others in the same way. */
const areSame = (a: SweepPoint, b: SweepPoint): boolean => planHash(a.drop) === planHash(b.drop);

/** The full model, which costs nothing. */
const NOTHING: Cost = { by: PAPER_SCORE, values: [] };

/**
 * How much more one group costs than another, paired over the samples; where orders are random, the interval is of the seeds too. There
 * is none for a single sample, a single seed of random orders, or points without rises by sample.
 */
function moreThan(one: Cost, other: Cost = NOTHING): RiseInterval {
  const all = [one, other].map(({ values }) => values.map(({ rises }) => rises));
  const open = { rise: costOf(one) - costOf(other), low: null, high: null };
  if (all.flat().includes(undefined)) return open;
  const [own, others] = all as number[][][];
  const bySample = (values: readonly number[][], i: number) =>
    sum(values, (rises) => rises[i]) / (values.length || 1);
  const gaps = own[0].map((_, i) => bySample(own, i) - bySample(others, i));
  const rise = mean(gaps);
  const seeded = [one, other].filter(isSeeded);
  const halves = [gaps, ...seeded.map(({ values }) => values.map(({ rise }) => rise))].map(halfWidth95);
  if (halves.includes(null)) return open;
  const half = Math.hypot(...halves as number[]);
  return { rise, low: rise - half, high: rise + half };
}

const costOf = ({ values }: Cost): number => values.length > 0 ? mean(values.map(({ rise }) => rise)) : 0;

/** Whether one group loses less than another, by the 95 % interval of their difference. */
function costsLess(one: Cost, other: Cost): Verdict {
  const more = moreThan(one, other);
  // Equal losses in every sample are no less.
  if (more.low === 0 && more.high === 0) return "no";
  return ({ [-1]: "yes", 1: "no", 0: "cannot tell" } as const)[intervalSign(more)];
}

/** The 95 % interval of a group's rise at a number of drops, in nats per token; null where the samples or seeds cannot tell. */
export function riseInterval(cost: Cost): readonly [low: number, high: number] | null {
  const { low, high } = moreThan(cost);
  return low === null || high === null ? null : [low, high];
}

/** Which of two drops of a sweep costs more. */
export function riseSign(a: SweepPoint, b: SweepPoint): Sign {
  const [one, other] = [a, b].map((point) => ({ by: PAPER_SCORE, values: [point] }));
  return intervalSign(moreThan(one, other));
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
  const against = (other: Cost | undefined): Verdict => own && other ? costsLess(own, other) : "cannot tell";
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
  const { layers } = sweep.provenance.model;
  const common = commonPoints(groupsOf(sweep), layers, at);
  if (!common) return null;
  const { dropped, attention: { values: [attention] }, mlp: { values: [mlp] } } = common;
  const plain = sweep.curves.filter(({ target, by, repair }) =>
    target === "attention" && SCORES[by].textless && !isSeeded({ by }) && !repair
  ).flatMap(({ by, points }) =>
    points.filter((one) => one.dropped === dropped).map((point) => ({ by, point }))
  );
  const others = [{ by: null, point: mlp }, ...plain]
    .map((other) => ({
      ...other,
      sign: riseSign(attention, other.point),
      same: areSame(attention, other.point),
    }));
  return { dropped, attention, mlp, others };
}

/** What the best repair saves of the longest list of drops by importance, and the repairs that the samples do not tell from it. */
export function bestRepair(groups: readonly CurveGroup[]) {
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
    verdict: costsLess(best, list.bare),
    rivals: others.filter((other) => costsLess(best, other) !== "yes").map(({ name }) => name),
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
 * (Student's t). Two points of the sweep are paired over its samples, and say so in `same` where they drop the same modules; one of
 * another sweep, with other samples, is independent.
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
export function riseOf(
  result: Sweep,
  point: Rise,
  options: { readonly than?: Rise } = {},
): RiseInterval & Difference {
  expect("compare losses", "result", result, aSweep);
  expect("compare losses", "the point", point, aRise);
  expect("compare losses", "options", options, optionsOf({ than: aRise }));
  const { than } = options;
  const { samples } = result.provenance.packing;
  if (!than) return riseOverSamples(samples, point);
  const [one, other] = [point, than].map((asked) => pointIn(result, asked));
  if (!one || !other) return riseOverSamples(samples, apart(point, than));
  return areSame(one, other)
    ? { rise: 0, low: 0, high: 0, same: true }
    : moreThan({ by: PAPER_SCORE, values: [one] }, { by: PAPER_SCORE, values: [other] });
}

/** The point of a sweep with this plan and these rises, which may have been read from a file of its own; undefined for one of another sweep. */
function pointIn({ curves }: Sweep, asked: Rise): SweepPoint | undefined {
  const { drop, rises = [] } = asked as Partial<SweepPoint>;
  return drop &&
    curves.flatMap(({ points }) => points).find((point) =>
      point.rises?.every((rise, i) => rise === rises[i]) && planHash(point.drop) === planHash(drop)
    );
}

/** The difference of two rises over different samples. */
function apart(point: Rise, than: Rise): Rise {
  const errors = [point.riseError, than.riseError];
  return {
    rise: point.rise - than.rise,
    riseError: errors.includes(null) ? null : Math.hypot(...errors as number[]),
  };
}
