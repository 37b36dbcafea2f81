/**
 * The leak guard: whether the text that a study is evaluated on has parts of the text that its plans were calibrated on. It stands
 * beside results and is no part of what is kept, since it depends on which texts this machine still has.
 */
import { displayable, type Reports } from "../../entry/mod.ts";
import { isFull } from "../../measure/mod.ts";
import { type Plan, type Provenance, SCORES, type SharedText } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import { packAgain, type StudyModel } from "../../subject/mod.ts";
import { type Ids, runsOf, sharedShare } from "../../text/mod.ts";

/**
 * The smallest share that is reported: it lies above common phrases and below one document. Measured with the tokenizer of SmolLM2,
 * the first 24 × 512 tokens of a text against each later 8 × 512 of its first 256 × 512: none for `stories`, at most 0.2 % for `wiki`,
 * 2.5 % for `math`, and 18 % for `code`, which has the same solution in JavaScript and in TypeScript. No two of these texts share a run.
 * One document of 150 tokens that is in both is 3.4 % of 8 × 512.
 */
const LEAST = 0.01;

/** A text that a study is evaluated on; its ids in one list, or in one for each request. */
export interface EvaluatedText {
  readonly name: string;
  readonly ids: readonly Ids[];
}

/** What some plans' calibration shares with a study's texts, as a field of a result: absent where nothing is shared, or known. */
type Leaks = (plans: readonly (Plan | Partial<DropPlan>)[]) => Promise<{ shared?: SharedText[] }>;

/**
 * Compares each distinct calibration text once with the texts of a study. A calibration text may be found in one of the texts `own`,
 * which options name.
 */
export function leakGuard(
  model: StudyModel,
  texts: readonly EvaluatedText[],
  own: readonly (string | undefined)[],
  { signal }: Reports,
): Leaks {
  const known = new Map<string, Promise<number[]>>();
  const places = [...new Set(own.filter((text) => text !== undefined))];
  async function sharesOf(origin: Provenance): Promise<number[]> {
    const ids = await packAgain(model, origin, places, { signal });
    if (ids === null) return [];
    const runs = runsOf(ids);
    return texts.map((text) => sharedShare(runs, text.ids));
  }
  return async (plans) => {
    const found = new Map<string, SharedText>();
    for (const [calibration, origin] of plans.flatMap(calibrationsOf)) {
      const { hash } = origin.text;
      if (!known.has(hash)) known.set(hash, sharesOf(origin));
      for (const [i, share] of (await known.get(hash)!).entries()) {
        const { name: text } = texts[i];
        if (share >= LEAST) found.set(`${calibration} ${hash} ${text}`, { text, calibration, share });
      }
    }
    return found.size > 0 ? { shared: [...found.values()] } : {};
  };
}

/** The result with what its text shares; the result itself where nothing is shared. */
export function withLeaks<R extends object>(result: R, leaks: { readonly shared?: SharedText[] }): R {
  return leaks.shared ? displayable({ ...result, ...leaks }) : result;
}

/** The runs over text that a plan comes from. Lists of layers, and orders that read no text, have none. */
function calibrationsOf(plan: Plan | Partial<DropPlan>): Calibration[] {
  if (!("kind" in plan) || isFull(plan)) return [];
  const { provenance, repaired, by } = plan;
  const calibrations: Calibration[] = [];
  if (provenance && !SCORES[by].textless) calibrations.push(["scores", provenance]);
  if (repaired) calibrations.push(["repair", repaired.provenance]);
  return calibrations;
}

type Calibration = [of: SharedText["calibration"], origin: Provenance];
