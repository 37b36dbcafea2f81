/**
 * Quality against the number of modules dropped: each target by importance, and the baselines that show whether
 * importance was worth measuring (random, deepest first, relative magnitude).
 */
import {
  type Check,
  displayable,
  expect,
  like,
  list,
  number,
  optionsOf,
  orElse,
  record,
  required,
  resultOf,
  wholeNumber,
} from "../entry/mod.ts";
import { mean, standardError, studentT95 } from "../measure/mod.ts";
import type { ModelSpec } from "../models/mod.ts";
import { type DropOrder, head, type Perplexity, type Plan, type Profile, type Sweep } from "../result/mod.ts";
import { type DropPlan, dropPlan, noDrop } from "../run/mod.ts";
import { type Estimate, estimatePasses, flopsOf, type Pass } from "./estimate.ts";
import { studyChecks, type StudyOptions, textOptions } from "./options.ts";
import { lossDifferences, perplexityGroups } from "./perplexity.ts";
import {
  anOrder,
  aProfile,
  aTarget,
  dropsOf,
  rank,
  type RankOrder,
  type RankTarget,
  type Scores,
} from "./plan.ts";
import { onModel, type StudyModel } from "../subject/mod.ts";
import { permutation } from "../tensor/mod.ts";
import { makePlan } from "./make_plan.ts";

/** One line of the figure. */
export interface Curve {
  /** What is dropped. */
  readonly target: RankTarget;
  /** What orders the modules. */
  readonly by: RankOrder;
  /** Seed of a random order; null for other orders. */
  readonly seed: number | null;
}

const aSeed: Check = (value, path) => value === null ? null : wholeNumber(0)(value, path);
const aRanking = record(
  { target: required(aTarget), by: required(anOrder), seed: aSeed },
  "a curve, as { target, by, seed }",
);
const curveList = list(aRanking, "curves");
const curvesAndOrders = list(
  orElse(
    (value) => typeof value === "object" && value !== null && "kind" in value,
    resultOf("order"),
    aRanking,
  ),
  "curves",
);
const stepList = list(wholeNumber(0), "steps", 1);

/**
 * 0, 1, 2, 4, 8, 12, … up to n, and n itself.
 *
 * @example
 * ```ts
 * import { sweepSteps } from "lamina";
 *
 * sweepSteps(10); // [0, 1, 2, 4, 8, 10]
 * ```
 */
export function sweepSteps(upto: number): number[] {
  expect("make steps", "upto", upto, wholeNumber(0));
  const steps = [0, 1, 2];
  for (let next = 4; next < upto; next += 4) steps.push(next);
  return [...steps.filter((step) => step < upto), upto];
}

/** The default numbers of drops. */
export const SWEEP_STEPS: readonly number[] = sweepSteps(15);

/**
 * A target by importance, with the baselines; one random order per seed, starting from `seed`.
 *
 * @example
 * ```ts
 * import { curvesOf } from "lamina";
 *
 * console.log(curvesOf("attention").map(({ by }) => by)); // importance, and what it is compared with
 * ```
 */
export function curvesOf(target: RankTarget, seeds = 3, seed = 0): Curve[] {
  expect("make curves", "target", target, aTarget);
  expect("make curves", "seeds", seeds, wholeNumber(0));
  expect("make curves", "seed", seed, wholeNumber(0));
  return [
    { target, by: "importance", seed: null },
    { target, by: "magnitude", seed: null },
    { target, by: "deepest", seed: null },
    ...Array.from({ length: seeds }, (_, i): Curve => ({ target, by: "random", seed: seed + i })),
  ];
}

/** The figure of `task start`: three kinds by importance, and attention at random and deepest first. */
export const START_CURVES: readonly Curve[] = [
  { target: "attention", by: "importance", seed: null },
  { target: "mlp", by: "importance", seed: null },
  { target: "block", by: "importance", seed: null },
  ...curvesOf("attention", 1).filter(({ by }) => by === "random" || by === "deepest"),
];

/**
 * Runs the curves, of the profile's scores or of orders that were made before; finished ones are kept, so an interrupted sweep
 * resumes where it stopped. A step beyond the modules of a curve drops all of them.
 *
 * @example
 * ```ts
 * import { curvesOf, openSeries, profile, sweep } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const importance = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const curves = curvesOf("attention", 1);
 * const result = await sweep(model, importance, curves, [0, 1, 2], { text: "README.md", samples: 2, length: 32 });
 * console.log(result.curves[0].points.map(({ dropped, nll }) => [dropped, nll]));
 * model.close();
 * ```
 */
export async function sweep(
  model: StudyModel | string,
  profile: Profile,
  curves: readonly (Curve | DropOrder)[],
  steps: readonly number[] = SWEEP_STEPS,
  options: StudyOptions = {},
): Promise<Sweep> {
  expect("sweep", "profile", profile, aProfile);
  expect("sweep", "curves", curves, curvesAndOrders);
  expect("sweep", "steps", steps, stepList);
  const plans = curves.map((curve) => curvePlans(profile, curve, steps));
  const run = (model: StudyModel, told: StudyOptions) => perplexityGroups(model, [[noDrop], ...plans], told);
  const [[base], ...results] = await onModel("sweep", model, options, studyChecks, run);
  return displayable({
    ...head("sweep"),
    provenance: base.provenance,
    calibration: profile.provenance,
    curves: curves.map(({ target, by, seed }, c) => ({
      target,
      by,
      seed,
      points: results[c].map((result, i) => ({
        dropped: plans[c][i].order.length,
        drop: result.provenance.drop,
        nll: result.nll,
        standardError: result.standardError,
        perplexity: result.perplexity,
        kl: result.kl,
        top1: result.top1,
        ...rise(base, result),
      })),
    })),
  });
}

/** The plans of a curve, by number of drops. */
export function curvePlans(profile: Profile, curve: Curve | DropOrder, steps: readonly number[]): Plan[] {
  if (!("kind" in curve)) {
    const { target, by, seed } = curve;
    return stepsWithin(steps, rank(profile, target).length)
      .map((drop) => makePlan(profile, { target, drop, by, seed: seed ?? 0 }));
  }
  const { target, order } = curve;
  const most = target === "consecutive" ? Math.max(0, ...order.map(({ size }) => size)) : order.length;
  return stepsWithin(steps, most).map((drop) => makePlan(curve, { drop }));
}

function stepsWithin(steps: readonly number[], most: number): number[] {
  return [...new Set(steps.map((step) => Math.min(step, most)))].sort((a, b) => a - b);
}

/**
 * What a sweep would take, including its profile over the calibration text. Importance is not known before it is measured:
 * random orders stand in for it.
 *
 * @example
 * ```ts
 * import { curvesOf, openSeries, sweepEstimate } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const { plans, seconds } = await sweepEstimate(model, curvesOf("attention"), [0, 1, 2], text, text);
 * console.log(plans, seconds);
 * model.close();
 * ```
 */
export async function sweepEstimate(
  model: Pick<StudyModel, "spec"> | string,
  curves: readonly Curve[],
  steps: readonly number[],
  calibration: StudyOptions = {},
  options: StudyOptions = {},
): Promise<Estimate & { plans: number }> {
  expect("estimate a sweep", "curves", curves, curveList);
  expect("estimate a sweep", "steps", steps, stepList);
  expect("estimate a sweep", "calibration", calibration, optionsOf(studyChecks));
  const run = (model: Pick<StudyModel, "spec">, options: StudyOptions) =>
    sweepPrice(model, curves, steps, calibration, options);
  return await onModel("estimate a sweep", model, options, studyChecks, run, ["spec"]);
}

async function sweepPrice(
  model: Pick<StudyModel, "spec">,
  curves: readonly Curve[],
  steps: readonly number[],
  calibration: StudyOptions,
  options: StudyOptions,
): Promise<Estimate & { plans: number }> {
  const passes = sweepPasses(model.spec, curves, steps, calibration, options);
  const plans = passes.slice(2).reduce((sum, pass) => sum + pass.plans.length, 0);
  return { ...await estimatePasses(model, passes, options), plans };
}

/** What a profile for a sweep, and the sweep, are in operations: for one count of both. */
export function sweepWeights(
  model: Pick<StudyModel, "spec">,
  curves: readonly Curve[],
  steps: readonly number[],
  calibration: StudyOptions,
  options: StudyOptions,
): [profile: number, sweep: number] {
  const [profile, ...rest] = sweepPasses(model.spec, curves, steps, calibration, options);
  return [flopsOf(model, [profile]), flopsOf(model, rest)];
}

function sweepPasses(
  spec: ModelSpec,
  curves: readonly Curve[],
  steps: readonly number[],
  calibration: StudyOptions,
  options: StudyOptions,
): Pass[] {
  const [text, calibrated] = [textOptions(options, ""), textOptions(calibration, "")];
  return [
    { ...calibrated, plans: [noDrop], head: false },
    { ...text, plans: [noDrop], head: false }, // the streams that the others are held against
    ...likelyPlans(spec, curves, steps).map((plans) => ({ ...text, plans, head: true })),
  ];
}

/** The full model and the plans of each curve, every plan once: as many and as deep as they will be. */
export function likelyPlans(
  spec: ModelSpec,
  curves: readonly Curve[],
  steps: readonly number[],
): DropPlan[][] {
  const seen = new Set<string>();
  const unseen = (plan: DropPlan) => seen.size < seen.add(JSON.stringify(plan)).size;
  return [
    [noDrop].filter(unseen),
    ...curves.map(({ target, by, seed }, c) => {
      const scores = standIn(spec, c);
      const order = rank(scores, target, by, seed ?? 0);
      return stepsWithin(steps, order.length)
        .map((drop) => dropPlan(spec, dropsOf(scores, order.slice(0, drop)))).filter(unseen);
    }),
  ].filter((plans) => plans.length > 0);
}

/** Scores of a model's modules in a random order. */
function standIn({ layers }: ModelSpec, seed: number): Scores {
  const order = permutation(3 * layers.length, seed);
  const scores = (there: (layer: ModelSpec["layers"][number]) => boolean, kind: number) => {
    const values = layers.map((layer, l) => there(layer) ? order[3 * l + kind] : null);
    return { importance: values, relativeMagnitude: values };
  };
  return {
    attention: scores((layer) => layer.attention !== null, 0),
    mlp: scores((layer) => layer.mlp !== null, 1),
    block: scores((layer) => layer.attention !== null || layer.mlp !== null, 2),
  };
}

/** Rise of the nll, paired: samples differ far more from each other than a sample from itself with modules dropped. */
export function rise(full: Perplexity, dropped: Perplexity): { rise: number; riseError: number | null } {
  const differences = lossDifferences(dropped, full);
  return { rise: mean(differences), riseError: standardError(differences) };
}

/** How many modules of a curve can be dropped within a budget. */
export interface Allowance {
  /** The largest number of drops whose loss, and that of all smaller ones, is within the budget; 0 if not even the first is. */
  readonly dropped: number;
  /** The same for the upper and the lower end of the loss's 95 % confidence interval. */
  readonly atLeast: number;
  /** The same with the lower end. */
  readonly atMost: number;
}

const aCurve = like(
  "a curve of a sweep",
  (value) => Array.isArray((value as Partial<Sweep["curves"][number]> | null)?.points),
);

/**
 * The largest drop whose nll rises by at most `budget` nats per token.
 *
 * @example
 * ```ts
 * import { allowance, curvesOf, openSeries, profile, sweep } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const importance = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const curves = curvesOf("attention", 1);
 * const result = await sweep(model, importance, curves, [0, 1, 2], { text: "README.md", samples: 2, length: 32 });
 * console.log(allowance(result.curves[0], 0.05, 2).dropped); // how many can go for 0.05 nats per token
 * model.close();
 * ```
 */
export function allowance(curve: Sweep["curves"][number], budget: number, samples: number): Allowance {
  expect("find an allowance", "curve", curve, aCurve);
  expect("find an allowance", "budget", budget, number("a number of nats"));
  expect("find an allowance", "samples", samples, wholeNumber(1));
  const largest = (loss: (point: Sweep["curves"][number]["points"][number]) => number) => {
    const over = curve.points.findIndex((point) => !(loss(point) <= budget));
    return curve.points.slice(0, over < 0 ? undefined : over).at(-1)?.dropped ?? 0;
  };
  const half = (error: number | null) => samples > 1 && error !== null ? studentT95(samples) * error : 0;
  return {
    dropped: largest((point) => point.rise),
    atLeast: largest((point) => point.rise + half(point.riseError)),
    atMost: largest((point) => point.rise - half(point.riseError)),
  };
}
