/** The cost of dropping in perplexity: measured now, or kept from earlier studies of the same model and the same modules. */
import { type Reports, reportsOf } from "../../entry/mod.ts";
import { type DropPlan, noDrop, planHash } from "../../measure/mod.ts";
import { computedAlike, type Keeping, keptOf, type Perplexity } from "../../result/mod.ts";
import { dropsIn, perplexities } from "../../study/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";

/** The original with all its modules and without some, on one text, computed alike. */
export interface Quality {
  readonly full: Perplexity;
  readonly dropped: Perplexity;
}

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
  const kept = results ? pairsIn(await keptOf("perplexity", model.name, results), model, drop) : [];
  const texts = new Map<string, Quality>();
  for (const quality of [...measured, ...kept]) {
    if (!texts.has(textOf(quality))) texts.set(textOf(quality), quality);
  }
  return [...texts.values()];
}

/** The text's name and the hash of its blocks. */
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
