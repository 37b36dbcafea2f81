/** What the stages of perplexities cost, which is their share of the progress. */
import { planHash } from "../../measure/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { flopsOf } from "../base/estimate.ts";

/** What the layers and the head of a stage cost. */
export interface Weight {
  readonly layers: number;
  readonly head: number;
}

/** One report on layers and head, which take turns where samples are many. */
export function twofold(report: (done: number, total: number) => void, { layers, head }: Weight) {
  const done = { layers: 0, head: 0 };
  const of = (part: keyof Weight, weight: number) => (some: number, all: number) => {
    done[part] = weight * some / all;
    report(done.layers + done.head, layers + head);
  };
  return { layers: of("layers", layers), head: of("head", head) };
}

/** What each group of plans costs; a plan counts in the first group that has it. */
export function weightsOf(
  model: StudyModel,
  groups: readonly (readonly DropPlan[])[],
  { samples, length }: { readonly samples: number; readonly length: number },
): Weight[] {
  const seen = new Set<string>();
  const price = (plans: readonly DropPlan[], head: boolean) =>
    plans.length > 0 ? flopsOf(model, [{ plans, head, samples, length }]) : 0;
  return groups.map((plans) => {
    const fresh = plans.filter((plan) => seen.size < seen.add(planHash(plan)).size);
    const layers = price(fresh, false);
    return { layers, head: price(fresh, true) - layers };
  });
}
