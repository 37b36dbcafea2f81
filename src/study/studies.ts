/** The studies by name, what each offers, and their prices. */
export * from "./causes/causes.ts";
export * from "./fit/fit.ts";
export * from "./training/checkpoints.ts";
export * from "./evaluate/evaluate.ts";
export * from "./evaluate/samples.ts";
export * from "./orders/guides.ts";
export * from "./passes/certify.ts";
export * from "./passes/depth.ts";
export * from "./passes/perplexity.ts";
export * from "./passes/profile.ts";
export * from "./repair/repair.ts";
export * from "./speed/speed.ts";
export * from "./sweep/sweep.ts";
export * from "./untrained/random_init.ts";
import { expect, oneOf } from "../entry/mod.ts";
import { causesStudy, untrainedCausesStudy } from "./causes/causes.ts";
import { fitStudy } from "./fit/fit.ts";
import { checkpointsStudy } from "./training/checkpoints.ts";
import { evaluateStudy } from "./evaluate/evaluate.ts";
import { guidesStudy } from "./orders/guides.ts";
import { orderStudy } from "./orders/order.ts";
import { certifyStudy } from "./passes/certify.ts";
import { depthStudy } from "./passes/depth.ts";
import { perplexityStudy } from "./passes/perplexity.ts";
import { profileStudy } from "./passes/profile.ts";
import { repairStudy } from "./repair/repair.ts";
import { speedStudy } from "./speed/speed.ts";
import { type Price, priceOf, type Study } from "./base/study.ts";
import { type BehindModel, optionsBehind } from "./base/plan.ts";
import { sweepStudy } from "./sweep/sweep.ts";
import { randomInitStudy } from "./untrained/random_init.ts";

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
