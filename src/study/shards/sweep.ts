/** Sweeps, divided: the profile by samples, orders that must be made (order.ts), then the plans of the curves. */
import { type DropOrder, planHash } from "../../result/mod.ts";
import { noDrop } from "../../run/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import { bytesOf, flopsOf, type Pass } from "../estimate.ts";
import { CALIBRATION_TEXT, HELD_OUT_TEXT, type StudyOptions } from "../options.ts";
import { order, type OrderOptions } from "../orders/order.ts";
import { perplexityGroups } from "../perplexity.ts";
import { profile } from "../profile.ts";
import { type Curve, curvePlans } from "../sweep/curves.ts";
import { likelyPlans } from "../sweep/price.ts";
import type { Division, ShardOptions, Stage } from "./division.ts";
import { orderStages } from "./order.ts";
import { dependsOn, packedFor, profileStage } from "./profile.ts";
import { keptOnly } from "./recorded.ts";

/** What a sweep is made of. */
export interface SweepParts {
  readonly calibration: StudyOptions;
  /** Curves that the profile ranks, and orders that have to be made, each with a curve as deep that stands in for it. */
  readonly ranked: readonly Curve[];
  readonly orders: readonly OrderOptions[];
  readonly standIns: readonly Curve[];
  readonly steps: readonly number[];
}

/** `sweep`, divided. */
export async function sweepShards(
  model: StudyModel,
  parts: SweepParts,
  options: StudyOptions,
): Promise<Division> {
  const { calibration, ranked, orders, steps } = parts;
  const packed = await packedFor(model, options, HELD_OUT_TEXT);
  const calibrating = await packedFor(model, calibration, CALIBRATION_TEXT);
  const asked = orders.map(({ target, by, seed, upto, protectFirst, protectLast, noNeighbours }) => ({
    ...{ target, by, seed, upto, protectFirst, protectLast, noNeighbours },
  }));
  return {
    label: `sweep of ${model.name}`,
    model: model.identity,
    depends: {
      ...await dependsOn(model, packed),
      calibration: await dependsOn(model, calibrating),
      curves: { ranked, orders: asked, steps },
    },
    stages: [
      profileStage(model, calibrating, noDrop),
      ...orders.flatMap((wanted) => orderStages(model, calibrating, wanted)),
      planStage(model, packed, parts),
    ],
  };
}

/** The full model, then each curve's plans; a plan that was there before takes no time. */
function planStage(
  model: StudyModel,
  packed: Packed,
  { calibration, ranked, orders, standIns, steps }: SweepParts,
): Stage {
  const pass = (plans: Pass["plans"]): Pass[] => [{ ...packed.packing, plans, head: true }];
  const curves = [...ranked, ...standIns];
  const likely = curves.flatMap((curve) =>
    steps.map((step) => likelyPlans(model.spec, [curve], [step]).flat()[1])
  );

  /** The plan of every unit; null where a curve has fewer. */
  async function plansOf(told: ShardOptions) {
    const kept = await keptOnly(told);
    const importance = await profile(model, { ...calibration, ...kept });
    const made: DropOrder[] = [];
    for (const wanted of orders) made.push(await order(model, { ...wanted, ...kept }));
    const plans = [...ranked, ...made].map((curve) => curvePlans(importance, curve, steps));
    return [noDrop, ...plans.flatMap((own) => steps.map((_, i) => own[i] ?? null))];
  }

  return {
    unit: "plans",
    costs: [noDrop, ...likely].map((plan) => plan ? flopsOf(model, pass([plan])) : 0),
    bytes: ({ from, to }) => bytesOf(model, pass([noDrop, ...likely].slice(from, to).filter(Boolean))),
    async run({ from, to }, told) {
      const plans = await plansOf(told);
      const lists = plans.map((plan) => plan && planHash(plan));
      const own = plans.filter((plan, unit) =>
        plan !== null && unit >= from && unit < to && lists.indexOf(lists[unit]) === unit
      );
      if (own.length > 0) await perplexityGroups(model, [own.map((plan) => plan!)], told, packed);
    },
  };
}
