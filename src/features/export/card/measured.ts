/** Results of a plan that are handed to an export: scores of tasks, and speeds. They must be of this plan on this model. */
import { type DropPlan, noDrop, planHash, planText, ratio95 } from "core/measure/mod.ts";
import { computedAlike, type Keeping, keptOf, type Provenance } from "core/result/mod.ts";
import type { Cost } from "core/show/words/mod.ts";
import { type Certificate, certificateCost, certificateKind } from "../../compare/mod.ts";
import type { Evaluation } from "../../evaluate/mod.ts";
import { paired, perplexities, type Perplexity, perplexityKind } from "../../losses/mod.ts";
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
  readonly certificates: readonly Certificate[];
}

/** A result that a card may show. */
export type Shown = Evaluation | Speed | Certificate;

/** Throws `RangeError` for a result of another model, or without this plan. */
export function measuredOf(model: StudyModel, drop: DropPlan, results: readonly Shown[]): Measured {
  const wanted = planHash(dropsIn(model, drop));
  const isPlan = (plan: DropPlan) => planHash(plan) === wanted;
  const wrong = (what: string) => new RangeError(`Cannot export ${model.name}: ${what}`);
  const expectModel = ({ name, fingerprint }: StudyModel["identity"], kind: string) => {
    if (fingerprint === model.identity.fingerprint) return;
    throw wrong(
      `the ${kind} is of ${name} (${oneLine(fingerprint, 80)}), expected ${model.identity.fingerprint}`,
    );
  };
  const [evaluations, speeds, certificates]: [Evaluation[], PlanSpeed[], Certificate[]] = [[], [], []];
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
    else if (result.kind === "certificate") certificates.push(result);
    else evaluations.push(result);
  }
  return { evaluations, speeds, certificates };
}

/** What the plan costs on one text. */
export type Quality = { readonly provenance: Provenance; readonly cost: Omit<Cost, "bytes"> };

interface Asked extends Reports, Keeping {
  readonly measure?: string | undefined;
}

/** All known qualities, those of certificates and measured ones first; each text once. */
export async function qualities(
  model: StudyModel,
  drop: DropPlan,
  certificates: readonly Certificate[],
  { measure, results, ...options }: Asked,
): Promise<Quality[]> {
  const measured: Quality[] = [];
  if (measure !== undefined) {
    const [full, dropped] = await perplexities(model, [{}, drop], {
      ...reportsOf(options),
      text: measure,
      results,
    });
    measured.push(ofPair(full, dropped));
  }
  const kept = results ? await keptQualities(model, drop, results) : [];
  const texts = new Map<string, Quality>();
  for (const quality of [...certificates.map(ofCertificate), ...measured, ...kept]) {
    if (!texts.has(textOf(quality))) texts.set(textOf(quality), quality);
  }
  return [...texts.values()];
}

const textOf = ({ provenance: { text } }: Quality) => `${text.name} ${text.hash}`;

const ofCertificate = (certificate: Certificate): Quality => (
  { provenance: certificate.provenance, cost: certificateCost(certificate) }
);

/** The original and the plan, on one text and computed alike; their losses say nothing about single tokens. */
function ofPair(full: Perplexity, dropped: Perplexity): Quality {
  const { provenance, sums, perplexity } = dropped;
  const perToken = (name: "kl" | "top1") =>
    ratio95(sums.map((own) => ({ over: own[name], under: own.tokens })));
  const { rise: value, ...ends } = paired(dropped, full);
  return {
    provenance,
    cost: {
      ...{ kl: perToken("kl"), kl99: null, top1: perToken("top1") },
      ...{ perplexity: [full.perplexity, perplexity], rise: { value, ...ends } },
    },
  };
}

/** Kept results of this plan on this model, those with quantiles first. */
async function keptQualities(model: StudyModel, drop: DropPlan, results: string): Promise<Quality[]> {
  const wanted = planHash(dropsIn(model, drop));
  const { fingerprint } = model.identity;
  const isOwn = ({ provenance }: { readonly provenance: Provenance }) =>
    provenance.model.fingerprint === fingerprint;
  const certificates = (await keptOf(certificateKind, model.name, results)).filter((found) =>
    isOwn(found) && found.of.fingerprint === fingerprint && planHash(found.provenance.drop) === wanted
  );
  const own = (await keptOf(perplexityKind, model.name, results)).filter(isOwn);
  const without = (plan: string) => own.filter(({ provenance }) => planHash(provenance.drop) === plan);
  const full = without(planHash(noDrop));
  const pairs = without(wanted).flatMap((dropped) => {
    const base = full.find(({ provenance }) =>
      provenance.text.hash === dropped.provenance.text.hash && computedAlike(provenance, dropped.provenance)
    );
    return base ? [ofPair(base, dropped)] : [];
  });
  return [...certificates.map(ofCertificate), ...pairs];
}
