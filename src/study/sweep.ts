/**
 * Quality against the number of modules dropped: each target by importance, and the baselines that tell whether
 * importance was worth measuring (random, deepest first, relative magnitude).
 */
import { mean, standardError, studentT95 } from "../measure/mod.ts";
import type { Perplexity, Profile, Sweep } from "../result/mod.ts";
import type { StudyOptions } from "./options.ts";
import { perplexityGroups } from "./perplexity.ts";
import { makePlan, type Order, rank, type Target } from "./plan.ts";
import type { StudyModel } from "../subject/mod.ts";

/** One line of the figure. */
export interface Curve {
  readonly target: Target;
  readonly by: Order;
  readonly seed: number | null;
}

/** Numbers dropped where nothing else is said. */
export const SWEEP_STEPS: readonly number[] = [0, 1, 2, 4, 8, 12, 15];

/** A target by importance, with the baselines beside it. */
export function curvesOf(target: Target, seeds = 3): Curve[] {
  return [
    { target, by: "importance", seed: null },
    { target, by: "magnitude", seed: null },
    { target, by: "deepest", seed: null },
    ...Array.from({ length: seeds }, (_, seed): Curve => ({ target, by: "random", seed })),
  ];
}

/** The figure of `task start`: three kinds by importance, and attention at random and deepest first. */
export const START_CURVES: readonly Curve[] = [
  { target: "attention", by: "importance", seed: null },
  { target: "mlp", by: "importance", seed: null },
  { target: "block", by: "importance", seed: null },
  ...curvesOf("attention", 1).filter(({ by }) => by === "random" || by === "deepest"),
];

/** Runs the curves; finished ones are kept, so an interrupted sweep goes on where it stopped. */
export async function sweep(
  model: StudyModel,
  profile: Profile,
  curves: readonly Curve[],
  steps: readonly number[] = SWEEP_STEPS,
  options: StudyOptions = {},
): Promise<Sweep> {
  const full = { attention: [], mlp: [] };
  const plans = curves.map(({ target, by, seed }) => {
    const most = rank(profile, target).length;
    return [...new Set(steps)].sort((a, b) => a - b).filter((drop) => drop <= most)
      .map((drop) => makePlan(profile, { target, drop, by, seed: seed ?? 0 }));
  });
  const [[base], ...results] = await perplexityGroups(model, [[full], ...plans], options);
  return {
    kind: "sweep",
    provenance: base.provenance,
    calibration: profile.provenance,
    curves: curves.map((curve, c) => ({
      ...curve,
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
  };
}

/** Rise of the nll, paired: samples differ far more from each other than a sample from itself with modules dropped. */
function rise(full: Perplexity, dropped: Perplexity): { rise: number; riseError: number | null } {
  const differences = dropped.sums.map((sample, i) =>
    sample.nll / sample.tokens - full.sums[i].nll / full.sums[i].tokens
  );
  return { rise: mean(differences), riseError: standardError(differences) };
}

/** How many modules of a curve may go within a budget. */
export interface Allowance {
  /** Largest number of the curve whose loss is within the budget, all smaller ones too. */
  readonly dropped: number;
  /** The same with the upper, and with the lower end of the loss's 95 % interval. */
  readonly atLeast: number;
  readonly atMost: number;
}

/** The largest drop whose nll rises by at most `budget` nats a token. */
export function allowance(curve: Sweep["curves"][number], budget: number, samples: number): Allowance {
  const largest = (loss: (point: Sweep["curves"][number]["points"][number]) => number) => {
    const over = curve.points.findIndex((point) => loss(point) > budget);
    return (over < 0 ? curve.points.at(-1)! : curve.points[Math.max(0, over - 1)]).dropped;
  };
  const half = (error: number | null) => samples > 1 && error !== null ? studentT95(samples) * error : 0;
  return {
    dropped: largest((point) => point.rise),
    atLeast: largest((point) => point.rise + half(point.riseError)),
    atMost: largest((point) => point.rise - half(point.riseError)),
  };
}
