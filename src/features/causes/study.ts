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
import { changedModel } from "core/run/mod.ts";
import { studyChecks, textOptions } from "core/study/options.ts";
import { aDrop, dropsIn } from "core/study/plan.ts";
import { run, type Study } from "core/study/study.ts";
import { textOf } from "core/study/text.ts";
import { onModel, type StudyModel } from "core/subject/mod.ts";
import { type CausesOptions, causesWork, measureChecks, settingsOf, sinkSizes } from "./work.ts";

export type { CausesOptions };

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
  says: "measure attention patterns, smoothing, update sizes and effects, beside importance",
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
