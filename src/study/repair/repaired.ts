/** A plan as a result, with its dropped modules repaired. */
import { displayable } from "../../entry/mod.ts";
import { type Plan, planData, type Provenance } from "../../result/mod.ts";
import { dropPlan } from "../../run/mod.ts";
import { elements } from "../../tensor/mod.ts";
import { type Repair, repairedBy } from "./fits.ts";
import type { Fresh } from "./fresh.ts";
import type { Solved } from "./job.ts";

/** The plan with its fits; `provenance` is of the full model on the text that they were fitted on. */
export function repairedPlan(
  repair: Repair,
  plan: Plan,
  solved: readonly Solved[],
  provenance: Provenance,
  fresh: Fresh | null = null,
): Plan {
  const { model, by, sequential, sites, method } = repair;
  return displayable({
    ...plan,
    ...savedBy(plan, addedBy(solved, method.absorbs)),
    ...planData(dropPlan(model.spec, repairedBy(repair, solved))),
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

/** Parameters that take the places of dropped modules. */
function addedBy(solved: readonly Solved[], absorbs: boolean): number {
  if (absorbs) return 0;
  const tensors = solved.flatMap(({ tensors }) => tensors ? [...tensors.values()] : []);
  return tensors.reduce((sum, { shape }) => sum + elements(shape), 0);
}

/** What a plan saves, less the parameters of its repairs. */
function savedBy({ saves }: Plan, added: number): Pick<Plan, "saves"> {
  if (!saves || added === 0) return saves ? { saves } : {};
  const parameters = saves.parameters - added;
  return {
    saves: { ...saves, parameters, parametersShare: saves.parametersShare * parameters / saves.parameters },
  };
}
