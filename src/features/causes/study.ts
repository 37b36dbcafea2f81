/**
 * Why modules are redundant (paper, claims C2, C5, C6, C7): attention patterns, over-smoothed tokens, magnitudes, massive
 * activations, the reach of one drop; and how each correlates with importance.
 *
 * Four runs: the full model with every probe; smoothing with modules dropped, all plans as one trie; blocks of 64 tokens
 * without BOS for the sink rate as published (Gu et al., arXiv 2410.10781); every module dropped in turn, on fewer samples,
 * for what that does to later updates. The last grows with the square of the depth: it can be left out.
 */
import { isFull } from "core/measure/mod.ts";
import type { Causes } from "./result.ts";
import { changedModel, noDrop } from "core/run/mod.ts";
import { expectRoom } from "core/study/estimate.ts";
import { studyChecks, type StudyOptions, textOptions } from "core/study/options.ts";
import { aDrop, dropsIn, type PlanLike } from "core/study/plan.ts";
import { step } from "core/study/stage.ts";
import { run, runWork, type Study } from "core/study/study.ts";
import { textOf, zipfOf } from "core/study/text.ts";
import {
  randomInitChecks,
  type RandomInitOptions,
  untrainedModel,
  untrainedNeed,
  untrainedOf,
} from "../untrained/mod.ts";
import { type NamedConfig, onConfig, onModel, type StudyModel } from "core/subject/mod.ts";
import {
  type CausesMeasures,
  causesPasses,
  causesWork,
  measureChecks,
  settingsOf,
  sinkSizes,
} from "./work.ts";

export type { CausesMeasures };

/** Options of `causes`. */
export type CausesOptions = StudyOptions & CausesMeasures & {
  /** Modules to drop from the measured model, or a plan; default: none. */
  readonly drop?: PlanLike | undefined;
};
/** Options of `untrainedCauses`. */
export type UntrainedOptions = RandomInitOptions & CausesMeasures;

/**
 * Measures the causes of redundancy in a model over a calibration text; with `drop`, in the model as the plan changes it.
 *
 * @example
 * ```ts
 * import { causes, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const result = await causes(model, { text: "README.md", samples: 2, length: 32 });
 * console.log(result.correlations);
 * ```
 */
export async function causes(model: StudyModel | string, options: CausesOptions = {}): Promise<Causes> {
  return await run(causesStudy, model, options);
}

export const causesStudy: Study<StudyModel, CausesOptions, Causes> = {
  verb: "measure causes",
  isDivisible: true,
  checks: { ...studyChecks, ...measureChecks, drop: aDrop },
  on: onModel,
  work(opened, options) {
    const drop = dropsIn(opened, options.drop ?? {});
    const model = { ...opened, ...changedModel(opened, drop) };
    const label = `causes in ${model.name}`;
    const text = textOf(model, options);
    const { skip, ...sizes } = textOptions(options);
    const published = sinkSizes(sizes);
    const sink = textOf(model, {
      ...sizes,
      ...published,
      skip: Math.floor(skip * sizes.length / published.length),
      bos: false,
    });
    return {
      ...causesWork({ label, model, drop, text, sink }, options),
      depends: () => ({
        causes: settingsOf(model.spec, text.sizes, options),
        ...isFull(drop) ? {} : { drop },
      }),
    };
  },
};

/**
 * Measures the causes of redundancy in an untrained model over words drawn from Zipf's law, for the first seed.
 *
 * @example
 * ```ts
 * import { openConfig, untrainedCauses } from "lamina/init";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const result = await untrainedCauses(named, { samples: 1, length: 32 });
 * console.log(result.patterns.normalizedEntropy);
 * ```
 */
export async function untrainedCauses(
  named: NamedConfig | string,
  options: UntrainedOptions = {},
): Promise<Causes> {
  return await run(untrainedCausesStudy, named, options);
}

/** What `untrainedCauses` consists of. The model exists for the length of its step. */
export const untrainedCausesStudy: Study<NamedConfig, UntrainedOptions, Causes> = {
  verb: "measure causes",
  checks: { ...randomInitChecks, ...measureChecks },
  on: onConfig,
  work(named, options) {
    const { seeds: [seed], ...setting } = untrainedOf(named, options);
    const { name, spec, samples, length } = setting;
    const label = `causes in random ${name}, seed ${seed}`;
    const text = zipfOf(spec, { samples, length });
    const sink = zipfOf(spec, sinkSizes(text.sizes));
    const measuring = step(causesPasses(spec, text.sizes, options), async (runOptions) => {
      await expectRoom(untrainedNeed(spec, text.sizes), runOptions);
      using model = untrainedModel({ ...setting, seed });
      return await runWork(causesWork({ label, model, drop: noDrop, text, sink }, options), runOptions);
    });
    return { label, model: { spec }, tokens: samples * length, steps: [measuring], result: measuring.whole };
  },
};
