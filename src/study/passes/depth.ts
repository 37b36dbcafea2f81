/** How far a model uses its depth: the path of the stream through all layers, and what the head reads from it on its way. */
import { type Checks, filled, option, phased, wholeNumber } from "../../entry/mod.ts";
import { frequentTokens } from "../../measure/mod.ts";
import { type Depth, depthOf, depthOrigin, keep, keptOr, merge } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";
import { expectRoom, flopsOf, needOf, type Pass } from "../base/estimate.ts";
import { heldOutChecks, provenance, type StudyOptions, tellReused } from "../base/options.ts";
import { aDrop, dropsIn } from "../base/plan.ts";
import { sampleStage } from "../base/stage.ts";
import { run, stepOf, type Study } from "../base/study.ts";
import { samplesOf, textOf, workOver } from "../base/text.ts";
import { depthSums, groupOf, tokensOf } from "./lenses.ts";

/** Options of `depth`. */
export interface DepthOptions extends StudyOptions {
  /** Modules to drop from the measured model; default: none. */
  readonly drop?: Partial<DropPlan> | undefined;
  /** Every nth token is measured, the nth first; default: 4. */
  readonly stride?: number | undefined;
  /** Of them, the tokens of a block at which the head reads every layer, at most; default: 16. They take most of the time besides a pass. */
  readonly rows?: number | undefined;
}

const checks: Checks<DepthOptions> = {
  ...heldOutChecks,
  drop: aDrop,
  stride: option(wholeNumber(1), "<n> measure every nth token of a block", 4),
  rows: option(wholeNumber(1), "<n> tokens of a block whose predictions are read after every layer", 16),
};

/**
 * Measures how far a model uses its depth. By layer l, with h_l the stream before it and δ_l = h_{l+1} − h_l, means over tokens: the angles
 * in degrees of h_l and h_{l+1} (`step`), of δ_l and δ_{l+1} (`turn`), of h_l and the last h_L (`left`), the `progress` (h_l − h_0)·(h_L −
 * h_0) / |h_L − h_0|² and the `sign` cos(δ_l, h_l); and of the prediction that the final norm and head read behind the layer, KL(final ‖ lens)
 * in nats (`kl`), the same where the stream passes the last layer first (`again`, of the first eighth of each sample), the `overlap` of the five likeliest tokens, the share of first choices among the text's ten most `frequent` tokens and of those `revised` later.
 * `effective` are depths, (l + 1) / L: the last layer whose mean sign changes from − to +, the first with less than half of the largest
 * KL, either way, the first with an overlap above 0.2 (arXiv 2505.13898, 2510.18871, 2512.14064). Intervals are percentiles of 2000 bootstrap
 * draws of the samples. Throws `RangeError` for a stride longer than a sample.
 *
 * @example
 * ```ts
 * import { depth, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const { effective, measures } = await depth(model, { text: "README.md", samples: 2, length: 32 });
 * console.log(effective.kl, measures.turn, measures.progress);
 * ```
 */
export async function depth(model: StudyModel | string, options: DepthOptions = {}): Promise<Depth> {
  return await run(depthStudy, model, options);
}

export const depthStudy: Study<StudyModel, DepthOptions, Depth> = {
  verb: "measure depth",
  isDivisible: true,
  checks,
  on: onModel,
  work(model, options) {
    const text = textOf(model, options, heldOutChecks);
    const { sizes: { samples, length } } = text;
    const { stride, rows } = filled(checks, options);
    if (stride > length) {
      throw new RangeError(
        `Cannot measure depth: stride is ${stride}, expected at most ${length}, the length of a sample`,
      );
    }
    const drop = dropsIn(model, options.drop ?? {});
    const tokens = tokensOf(length, stride, rows);
    const label = `depth of ${model.name}`;
    /** The pass over samples; besides it, the head behind every layer, and the last layer over the first tokens, behind every other one. */
    const passOf = (samples: number): Pass => {
      const { reading, again, readAgain } = tokens;
      const { layers, hidden, vocabulary } = model.spec;
      const before = layers.keys().take(layers.length - 1).toArray();
      const plans = [{ attention: before, mlp: before }];
      const last = flopsOf(model, [{ samples, length: again, plans, head: false }]);
      const heads = 2 * samples * (reading.length + readAgain.length) * layers.length * hidden * vocabulary;
      return { samples, length, plans: [drop], head: false, besides: heads + before.length * last };
    };
    const stage = sampleStage(model, { samples, length, plans: [drop] }, {
      async run(span, runOptions) {
        const at = phased(label, [0, 1], runOptions);
        const packing = at(0);
        const frequent = frequentTokens((await text.pack(packing)).blocks.ids);
        const { blocks, ...packed } = await samplesOf(text, span).pack(packing);
        const request = {
          provenance: await provenance(model, packed, drop, runOptions),
          stride,
          rows,
          frequent,
        };
        const compute = async () => {
          const pass = passOf(blocks.samples);
          const need = needOf(model, [pass]);
          await expectRoom(
            { ...need, bytes: need.bytes + groupOf(model.spec, length, tokens).bytes },
            runOptions,
          );
          const asked = { ...tokens, drop, frequent, share: 1 - pass.besides! / flopsOf(model, [pass]) };
          return depthOf(request, await depthSums(model, blocks, asked, at(1)));
        };
        const { result, kept } = await keptOr("depth", depthOrigin(request), compute, runOptions);
        if (kept) tellReused(runOptions, label);
        return result;
      },
      join: async (parts, runOptions) => await keep(merge([...parts]), runOptions),
    });
    const measuring = stepOf([passOf(samples)], stage);
    const depends = () => ({ drop, stride, rows });
    return workOver(model, text, { label, steps: [measuring], result: measuring.whole, depends });
  },
};
