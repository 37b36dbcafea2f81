/** What a sweep would take, told before anything runs. */
import { expect, optionsOf } from "../../entry/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import { planHash } from "../../result/mod.ts";
import { type DropPlan, dropPlan, noDrop } from "../../run/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { permutation } from "../../tensor/mod.ts";
import { type Estimate, estimatePasses, flopsOf, type Pass } from "../estimate.ts";
import { studyChecks, type StudyOptions, textOptions } from "../options.ts";
import { dropsOf, rank, type Scores } from "../plan.ts";
import { type Curve, curveList, stepList, stepsWithin } from "./curves.ts";

/**
 * Estimates the time and memory of `sweep`, including its profile over the calibration text, and counts its plans. Importance is not
 * known before it is measured; the estimate uses random orders instead.
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
    { ...text, plans: [noDrop], head: false, stays: true }, // the streams that the others are held against
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
  const unseen = (plan: DropPlan) => seen.size < seen.add(planHash(plan)).size;
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
