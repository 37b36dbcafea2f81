/** Results of a plan that are handed to an export: scores of tasks, and speeds. They must be of this plan on this model. */
import { type DropPlan, noDrop, planHash, planText } from "core/measure/mod.ts";
import { computedAlike, type Keeping, keptOf } from "core/result/mod.ts";
import type { Evaluation } from "../../evaluate/mod.ts";
import { perplexities, type Perplexity, perplexityKind } from "../../losses/mod.ts";
import type { Speed } from "../../speed/mod.ts";
import { dropsIn } from "core/study/plan.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { oneLine, type Reports, reportsOf } from "core/entry/mod.ts";

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
    throw wrong(
      `the ${kind} is of ${name} (${oneLine(fingerprint, 80)}), expected ${model.identity.fingerprint}`,
    );
  };
  const [evaluations, speeds]: [Evaluation[], PlanSpeed[]] = [[], []];
  for (const result of results) {
    const plans = result.kind === "speed" ? result.plans.map((plan) => plan.drop) : [result.provenance.drop];
    expectModel(result.kind === "speed" ? result.model : result.provenance.model, result.kind);
    const index = plans.findIndex(isPlan);
    if (index < 0) {
      throw wrong(
        `the ${result.kind} is of ${plans.map((plan) => planText(plan)).join(" and ")}, expected ` +
          `${planText(dropsIn(model, drop))}`,
      );
    }
    if (result.kind === "speed") speeds.push({ result, index });
    else evaluations.push(result);
  }
  return { evaluations, speeds };
}

/** The original with all its modules and without some, on one text, computed alike. */
export type Quality = Readonly<Record<"full" | "dropped", Perplexity>>;

/** All known qualities, measured ones first; each text once. */
export async function qualities(
  model: StudyModel,
  drop: DropPlan,
  { measure, results, ...options }: Reports & Keeping & { readonly measure?: string | undefined },
): Promise<Quality[]> {
  const measured: Quality[] = [];
  if (measure !== undefined) {
    const [full, dropped] = await perplexities(model, [{}, drop], {
      ...reportsOf(options),
      text: measure,
      results,
    });
    measured.push({ full, dropped });
  }
  const kept = results ? pairsIn(await keptOf(perplexityKind, model.name, results), model, drop) : [];
  const texts = new Map<string, Quality>();
  for (const quality of [...measured, ...kept]) {
    if (!texts.has(textOf(quality))) texts.set(textOf(quality), quality);
  }
  return [...texts.values()];
}

const textOf = ({ full: { provenance: { text } } }: Quality) => `${text.name} ${text.hash}`;

function pairsIn(found: readonly Perplexity[], model: StudyModel, drop: DropPlan): Quality[] {
  const wanted = planHash(dropsIn(model, drop));
  const own = found.filter(({ provenance }) => provenance.model.fingerprint === model.identity.fingerprint);
  const without = (plan: string) => own.filter(({ provenance }) => planHash(provenance.drop) === plan);
  const full = without(planHash(noDrop));
  return without(wanted).flatMap((dropped) => {
    const base = full.find(({ provenance }) =>
      provenance.text.hash === dropped.provenance.text.hash &&
      computedAlike(provenance, dropped.provenance)
    );
    return base ? [{ full: base, dropped }] : [];
  });
}
