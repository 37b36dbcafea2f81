/**
 * Why modules are redundant (paper, claims C2, C5, C6, C7): attention patterns, over-smoothed tokens, magnitudes, massive
 * activations, the reach of one drop; and how each correlates with importance.
 *
 * Four runs: the full model with every probe; smoothing with modules dropped, all plans as one trie; blocks of 64 tokens
 * without BOS for the sink rate as published (Gu et al., arXiv 2410.10781); every module dropped in turn, on fewer samples,
 * for what that does to later updates. The last grows with the square of the depth: it can be left out.
 */
import { isFull } from "core/measure/mod.ts";
import { type Causes, causesKind } from "./result.ts";
import { changedModel, noDrop } from "core/run/mod.ts";
import { textOptions } from "core/study/options.ts";
import { dropsIn } from "core/study/plan.ts";
import { study } from "core/study/scope.ts";
import { run } from "core/study/study.ts";
import { type Text, textOf } from "core/study/text.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { assemble, deepestPlans, profileIn, smoothingPlans } from "./assemble.ts";
import { effectPlans } from "./runs.ts";
import {
  causesChecks,
  type CausesOptions,
  cutOf,
  type Part,
  rowsOver,
  settingsOf,
  sinkSizes,
} from "./work.ts";

export { causesChecks, type CausesOptions };

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

export const causesStudy = study<CausesOptions, Causes>({
  verb: "measure causes",
  says: "measure attention patterns, smoothing, update sizes and effects, beside importance",
  label: ({ name }) => `causes in ${name}`,
  checks: causesChecks,
  text: textOf,
  plans: 1,
  async run(scope, opened, options) {
    const drop = dropsIn(opened, options.drop ?? {});
    const model = { ...opened, ...changedModel(opened, drop) };
    const { spec, name } = model;
    const [text, sink] = [textOf(model, options), sinkText(model, options)];
    const settings = settingsOf(spec, text.sizes, options);
    await scope.read(sink);
    const provenance = { ...await scope.origin(model, text, drop), causes: settings };
    return await scope.kept(causesKind, `causes in ${name}`, { provenance }, async () => {
      const rowsOf = async (of: Part["of"], text: Text, plans: Part["plans"]) =>
        (await scope.over(rowsOver, { model, text, own: { of, settings, plans } }, [[drop]]))[0][0];
      const whole = await rowsOf("whole", text, [noDrop]);
      const sunk = await rowsOf("sink", sink, [noDrop]);
      const { effects } = settings;
      const moved = effects && await rowsOf("effects", cutOf(text, effects), effectPlans(spec));
      const plans = scope.likely(
        () => smoothingPlans(profileIn(spec, provenance, whole.whole), settings.drops),
        () => deepestPlans(spec, settings.drops),
      );
      const smoothed = await rowsOf("smoothing", text, plans);
      return assemble(spec, provenance, {
        ...{ whole: whole.whole, sink: sunk.sink, smoothing: smoothed.smoothing },
        effects: moved?.effects ?? [],
      });
    });
  },
  depends(model, options) {
    const drop = dropsIn(model, options.drop ?? {});
    const { spec } = changedModel(model, drop);
    const { samples, length } = textOptions(options);
    return { causes: settingsOf(spec, { samples, length }, options), ...isFull(drop) ? {} : { drop } };
  },
});

/** The text in blocks of the published length, from about the same place on. */
function sinkText(model: StudyModel, options: CausesOptions): Text {
  const { skip, ...sizes } = textOptions(options);
  const published = sinkSizes(sizes);
  const first = Math.floor(skip * sizes.length / published.length);
  return textOf(model, { ...sizes, ...published, skip: first, bos: false });
}
