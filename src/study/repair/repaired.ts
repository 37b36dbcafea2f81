/** A plan as a result, with its dropped modules repaired. */
import { displayable } from "../../entry/mod.ts";
import { type Plan, planData, type Provenance } from "../../result/mod.ts";
import { changedSpec, dropPlan } from "../../run/mod.ts";
import { sizesOf } from "../../subject/mod.ts";
import { type Repair, repairedBy } from "./fits.ts";
import type { Fresh } from "./fresh.ts";
import type { Solved } from "./job.ts";

/**
 * The plan with its fits. A map in a module's place keeps the norm before it, so that this is not saved. `provenance` is of the full model on the text that they were fitted on.
 */
export function repairedPlan(
  repair: Repair,
  plan: Plan,
  solved: readonly Solved[],
  provenance: Provenance,
  fresh: Fresh | null = null,
): Plan {
  const { model: { spec }, by, sequential, sites } = repair;
  const repaired = dropPlan(spec, repairedBy(repair, solved));
  const [bare, own] = [repair.plan, repaired].map((plan) => sizesOf(changedSpec(spec, plan)).parameters);
  return displayable({
    ...plan,
    ...savedBy(plan, own - bare),
    ...planData(repaired),
    repaired: {
      by,
      sequential,
      provenance,
      sites: sites.map(({ layer, module }, i) => (
        { layer, module, strength: solved[i].strength, left: solved[i].left }
      )),
      ...fresh ? { fresh } : {},
    },
  });
}

/** What a plan saves, less the parameters that stay for its repairs. */
function savedBy({ saves }: Plan, added: number): Pick<Plan, "saves"> {
  if (!saves || added === 0) return saves ? { saves } : {};
  const parameters = saves.parameters - added;
  return {
    saves: { ...saves, parameters, parametersShare: saves.parametersShare * parameters / saves.parameters },
  };
}
