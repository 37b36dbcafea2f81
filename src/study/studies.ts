/** The studies by name, and their prices. */
import { expect, oneOf } from "../entry/mod.ts";
import type { NamedConfig, Series, StudyModel } from "../subject/mod.ts";
import {
  type CausesOptions,
  causesStudy,
  untrainedCausesStudy,
  type UntrainedOptions,
} from "./causes/causes.ts";
import { type FitOptions, fitStudy } from "./fit/fit.ts";
import { type CheckpointsOptions, checkpointsStudy } from "./training/checkpoints.ts";
import { evaluateStudy, type EvaluationOptions } from "./evaluate/evaluate.ts";
import type { EvaluatePrice } from "./evaluate/price.ts";
import type { GenerationStudyOptions } from "./generation/asked.ts";
import { generationStudy } from "./generation/generation.ts";
import { type GuidesOptions, guidesStudy } from "./orders/guides.ts";
import type { OrderOptions } from "./orders/request.ts";
import { orderStudy } from "./orders/stages.ts";
import { type PerplexityOptions, perplexityStudy } from "./passes/perplexity.ts";
import { type ProfileOptions, profileStudy } from "./passes/profile.ts";
import { type RepairedOptions, repairStudy } from "./repair/repair.ts";
import { type SpeedEstimate, type SpeedOptions, speedStudy } from "./speed/speed.ts";
import { type Price, priceOf, type Study } from "./base/study.ts";
import { type SweepOptions, sweepStudy } from "./sweep/sweep.ts";
import { type RandomInitOptions, randomInitStudy } from "./untrained/random_init.ts";

/** All studies. */
export const studies = {
  profile: profileStudy,
  perplexity: perplexityStudy,
  causes: causesStudy,
  evaluate: evaluateStudy,
  repair: repairStudy,
  order: orderStudy,
  sweep: sweepStudy,
  fit: fitStudy,
  checkpoints: checkpointsStudy,
  "random-init": randomInitStudy,
  "untrained-causes": untrainedCausesStudy,
  generation: generationStudy,
  guides: guidesStudy,
  speed: speedStudy,
} as const satisfies Record<keyof StudyTerms, unknown>;

/** A study's subject and options, and its price. */
export type Terms<Subject, Options, Cost = Price> = {
  readonly subject: Subject;
  readonly options: Options;
  readonly price: Cost;
};

/** The subject, options and price of every study. */
export type StudyTerms = {
  readonly profile: Terms<StudyModel | string, ProfileOptions>;
  readonly perplexity: Terms<StudyModel | string, PerplexityOptions>;
  readonly causes: Terms<StudyModel | string, CausesOptions>;
  readonly evaluate: Terms<StudyModel | string, EvaluationOptions, EvaluatePrice>;
  readonly repair: Terms<StudyModel | string, RepairedOptions>;
  readonly order: Terms<StudyModel | string, OrderOptions>;
  readonly sweep: Terms<StudyModel | string, SweepOptions>;
  readonly fit: Terms<StudyModel | string, FitOptions>;
  readonly checkpoints: Terms<Series, CheckpointsOptions>;
  readonly "random-init": Terms<NamedConfig | string, RandomInitOptions>;
  readonly "untrained-causes": Terms<NamedConfig | string, UntrainedOptions>;
  readonly generation: Terms<StudyModel | string, GenerationStudyOptions>;
  readonly guides: Terms<StudyModel | string, GuidesOptions>;
  readonly speed: Terms<StudyModel | string, SpeedOptions, SpeedEstimate>;
};

/**
 * Estimates the time and memory of a study, which is not run. Times one matrix product to learn this machine's speed. Throws what the
 * study throws for wrong options.
 *
 * @example
 * ```ts
 * import { estimate, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const { seconds, bytes } = await estimate("profile", model, { text: "README.md", samples: 2, length: 32 });
 * console.log(seconds, bytes);
 * ```
 */
export async function estimate<Name extends keyof StudyTerms>(
  study: Name,
  subject: StudyTerms[Name]["subject"],
  options: StudyTerms[Name]["options"] = {} as StudyTerms[Name]["options"],
): Promise<StudyTerms[Name]["price"]> {
  expect("estimate", "study", study, oneOf(Object.keys(studies)));
  const declared = studies[study] as unknown as Study<unknown, object, unknown, unknown, unknown>;
  return await priceOf(declared, subject, options) as StudyTerms[Name]["price"];
}
