/** The studies by name, what each offers, and their prices. */
import { expect, oneOf } from "../entry/mod.ts";
import type { Studies } from "../result/mod.ts";
import { type Price, priceOf, type Study } from "./study.ts";
import { type BehindModel, optionsBehind } from "./plan.ts";

const all = new Map<string, Study<unknown, object, unknown, unknown, unknown>>();

/** Adds studies at the end; those that were there move. */
export function registerStudies(own: Readonly<Record<string, object>>): void {
  for (const [name, study] of Object.entries(own)) {
    all.delete(name);
    all.set(name, study as Study<unknown, object, unknown, unknown, unknown>);
  }
}

/** All studies with their names. */
export const studies = () => [...all];

/** A study's subject and options, and its price. */
export type Terms<Subject, Options, Cost = Price> = {
  readonly subject: Subject;
  readonly options: Options;
  readonly price: Cost;
};
type TermsOf<Own> = Own extends Study<infer _, infer Options, infer _Result, infer Cost, infer Subject>
  ? Terms<Subject, Options, Cost>
  : never;

/** The subject, options and price of every study, by its name. */
export type StudyTerms = { readonly [Name in keyof Studies]: TermsOf<Studies[Name]> };

/**
 * Estimates the time and memory of a study from the arguments of its function, without running it. Times one matrix product to learn
 * this machine's speed. Throws what the study throws for wrong options.
 *
 * @example
 * ```ts
 * import { estimate, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const { seconds, bytes } = await estimate("profile", model, text);
 * const { plans } = await estimate("perplexity", model, [{}, { mlp: [1] }], text);
 * console.log(seconds, bytes, plans);
 * ```
 */
export async function estimate<Name extends keyof StudyTerms>(
  study: Name,
  subject: StudyTerms[Name]["subject"],
  ...rest: BehindModel<StudyTerms[Name]["options"]>
): Promise<StudyTerms[Name]["price"]> {
  expect("estimate", "study", study, oneOf([...all.keys()]));
  const declared = all.get(study)!;
  return await priceOf(declared, subject, optionsBehind(declared.checks, rest)) as StudyTerms[Name]["price"];
}
