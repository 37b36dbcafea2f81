/** The studies by name, what each offers, and their prices. */
import { expect, oneOf } from "../entry/mod.ts";
import { profileStudy } from "../../features/profile/mod.ts";
import { perplexityStudy } from "../../features/losses/mod.ts";
import { certifyStudy } from "../../features/compare/mod.ts";
import { depthStudy } from "../../features/depth/mod.ts";
import { causesStudy, untrainedCausesStudy } from "../../features/causes/mod.ts";
import { evaluateStudy } from "../../features/evaluate/mod.ts";
import { repairStudy } from "../../features/repair/mod.ts";
import { guidesStudy, orderStudy } from "../../features/orders/mod.ts";
import { sweepStudy } from "../../features/sweep/mod.ts";
import { fitStudy } from "../../features/fit/mod.ts";
import { checkpointsStudy } from "../../features/training/mod.ts";
import { randomInitStudy } from "../../features/untrained/mod.ts";
import { speedStudy } from "../../features/speed/mod.ts";
import { type Price, priceOf, type Study } from "./study.ts";
import { type BehindModel, optionsBehind } from "./plan.ts";

export const studies = {
  profile: profileStudy,
  perplexity: perplexityStudy,
  certify: certifyStudy,
  depth: depthStudy,
  causes: causesStudy,
  evaluate: evaluateStudy,
  repair: repairStudy,
  order: orderStudy,
  sweep: sweepStudy,
  fit: fitStudy,
  checkpoints: checkpointsStudy,
  "random-init": randomInitStudy,
  "untrained-causes": untrainedCausesStudy,
  guides: guidesStudy,
  speed: speedStudy,
} as const;

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
export type StudyTerms = { readonly [Name in keyof typeof studies]: TermsOf<(typeof studies)[Name]> };

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
  expect("estimate", "study", study, oneOf(Object.keys(studies)));
  const declared = studies[study] as unknown as Study<unknown, object, unknown, unknown, unknown>;
  return await priceOf(declared, subject, optionsBehind(declared.checks, rest)) as StudyTerms[Name]["price"];
}
