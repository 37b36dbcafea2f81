/** Results of a plan that are handed to an export: scores of tasks, and speeds. They must be of this plan on this model. */
import { type DropPlan, planHash, planText } from "../../measure/mod.ts";
import type { Evaluation, Speed } from "../../result/mod.ts";
import { dropsIn } from "../../study/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";

/** One plan among those whose speed was measured. */
export interface PlanSpeed {
  readonly result: Speed;
  /** Its place in the result's lists. */
  readonly index: number;
}

export interface Measured {
  readonly evaluations: readonly Evaluation[];
  readonly speeds: readonly PlanSpeed[];
}

/** Throws `RangeError` for a result of another model, or without this plan. */
export function measuredOf(
  model: StudyModel,
  drop: DropPlan,
  results: readonly (Evaluation | Speed)[],
): Measured {
  const wanted = planHash(dropsIn(model, drop));
  const isPlan = (plan: DropPlan) => planHash(plan) === wanted;
  const wrong = (what: string) => new RangeError(`Cannot export ${model.name}: ${what}`);
  const expectModel = ({ name, fingerprint }: StudyModel["identity"], kind: string) => {
    if (fingerprint === model.identity.fingerprint) return;
    throw wrong(`the ${kind} is of ${name} (${fingerprint}), expected ${model.identity.fingerprint}`);
  };
  const [evaluations, speeds]: [Evaluation[], PlanSpeed[]] = [[], []];
  for (const result of results) {
    const plans = result.kind === "speed" ? result.plans.map((plan) => plan.drop) : [result.provenance.drop];
    expectModel(result.kind === "speed" ? result.model : result.provenance.model, result.kind);
    const index = plans.findIndex(isPlan);
    if (index < 0) {
      throw wrong(
        `the ${result.kind} is of ${plans.map((plan) => planText(plan)).join(" and ")}, expected ${
          planText(dropsIn(model, drop))
        }`,
      );
    }
    if (result.kind === "speed") speeds.push({ result, index });
    else evaluations.push(result);
  }
  return { evaluations, speeds };
}
