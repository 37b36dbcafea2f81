/** The passes of a sweep before its orders are known: as many plans, and as deep, as they will be. */
import { planHash } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import { type DropPlan, noDrop } from "../../run/mod.ts";
import { permutation } from "../../tensor/mod.ts";
import type { Pass } from "../base/estimate.ts";
import { rank } from "../orders/rank.ts";
import { dropOfEntries } from "../scores/candidates.ts";
import type { Scores } from "../scores/score.ts";
import { type Curve, stepsWithin } from "./curves.ts";

/** The passes of curves over a text; the first leaves the streams that the others are compared with. */
export function sweepPasses(
  spec: ModelSpec,
  { samples, length }: Pick<Pass, "samples" | "length">,
  curves: readonly Curve[],
  steps: readonly number[],
): Pass[] {
  const pass = { samples, length };
  return [
    { ...pass, plans: [noDrop], head: false, stays: true },
    ...likelyPlans(spec, curves, steps).map((plans) => ({ ...pass, plans, head: true })),
  ];
}

/** The full model and the plans of each curve, every plan once; random orders stand for those that are not known. */
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
      const order = rank(scores, { target, by, seed: seed ?? 0 });
      return stepsWithin(steps, order.length)
        .map((drop) => dropOfEntries(spec, order.slice(0, drop))).filter(unseen);
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
