/** The stages of a sweep: plans over a text, each a unit. */
import { type DropPlan, planHash } from "../../measure/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { bytesOf, flopsOf, type Pass } from "../base/estimate.ts";
import { keptOnly } from "../base/options.ts";
import { type RunOptions, type Stage, stage } from "../base/stage.ts";
import type { Text } from "../base/text.ts";
import { perplexityGroups } from "../passes/perplexity.ts";

/** Plans by unit, once what they follow from is kept; null where a unit has none. */
export type UnitPlans = (options: RunOptions) => Promise<(DropPlan | null)[]>;

/** Lists of plans as units: as many of each list as there are steps, null where it is shorter. */
export function unitsOf(
  lists: readonly (readonly (DropPlan | null)[])[],
  steps: readonly number[],
): (DropPlan | null)[] {
  return lists.flatMap((plans) => steps.map((_, i) => plans[i] ?? null));
}

/** Perplexities over a text. A plan that an earlier unit has takes no time. `likely` stand in for the plans in the price. */
export function planStage(
  model: StudyModel,
  text: Text,
  likely: readonly (DropPlan | undefined)[],
  plansOf: UnitPlans,
): Stage {
  const pass = (plans: Pass["plans"]): Pass[] => [{ ...text.sizes, plans, head: true }];
  return stage({
    unit: "plans",
    units: likely.length,
    cost: (unit) => likely[unit] ? flopsOf(model, pass([likely[unit]])) : 0,
    bytes: ({ from, to }) =>
      bytesOf(model, pass(likely.slice(from, to).filter((plan) => plan !== undefined))),
    async run({ from, to }, options) {
      const plans = await plansOf(await keptOnly(options));
      const lists = plans.map((plan) => plan && planHash(plan));
      const own = plans.filter((plan, unit) =>
        plan !== null && unit >= from && unit < to && lists.indexOf(lists[unit]) === unit
      );
      if (own.length > 0) await perplexityGroups(model, [own.map((plan) => plan!)], options, text);
    },
  });
}
