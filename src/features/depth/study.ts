/** How far a model uses its depth: the path of the stream through all layers, and what the head reads from it on its way. */
import { type Checks, filled, type Of, option, wholeNumber } from "core/entry/mod.ts";
import { frequentTokens } from "./measures.ts";
import { type Depth, depthSums } from "./result.ts";
import type { DropPlan } from "core/run/mod.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { flopsOf, type Pass, type Size } from "core/study/estimate.ts";
import { heldOutChecks } from "core/study/options.ts";
import type { Subject } from "core/study/over.ts";
import { studyOver } from "core/study/study_over.ts";
import { aDrop } from "core/study/plan.ts";
import { run } from "core/study/study.ts";
import { groupOf, sumsOver, type Tokens, tokensOf } from "./lenses.ts";

const depthChecks = {
  ...heldOutChecks,
  /** Modules to drop from the measured model; default: none. */
  drop: aDrop,
  /** Every nth token is measured, the nth first; default: 4. */
  stride: option(wholeNumber(1), "<n> measure every nth token of a block", 4),
  /** Of them, the tokens of a block at which the head reads every layer, at most; default: 16. They take most of the time besides a pass. */
  rows: option(wholeNumber(1), "<n> tokens of a block whose predictions are read after every layer", 16),
};

/** Options of `depth`. */
export type DepthOptions = Of<typeof depthChecks>;

/**
 * Measures how far a model uses its depth. By layer l, with h_l the stream before it and δ_l = h_{l+1} − h_l, means over tokens: the angles
 * in degrees of h_l and h_{l+1} (`step`), of δ_l and δ_{l+1} (`turn`), of h_l and the last h_L (`left`), the `progress` (h_l − h_0)·(h_L −
 * h_0) / |h_L − h_0|² and the `sign` cos(δ_l, h_l); and of the prediction that the final norm and head read behind the layer, KL(final ‖ lens)
 * in nats (`kl`), the same where the stream passes the last layer first (`again`, of the first eighth of each sample), the `overlap` of the five likeliest tokens, the share of first choices among the text's ten most `frequent` tokens and of those `revised` later.
 * `effective` are depths, (l + 1) / L: the last layer whose mean sign changes from − to +, the first with less than half of the largest
 * KL, either way, the first with an overlap above 0.2 (arXiv 2505.13898, 2510.18871, 2512.14064). Intervals are Student's t over the
 * samples; a depth's has the layers that those leave open. Throws `RangeError` for a stride longer than a sample.
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

export const depthStudy = studyOver({
  verb: "measure depth",
  says: "measure how far a model uses its depth: angles of the stream, and predictions behind each layer",
  isForSeveral: true,
  checks: depthChecks as Checks<DepthOptions>,
  result: depthSums,
  settle(_, options, { length }) {
    const { stride, rows } = filled(depthChecks, options);
    if (stride > length) {
      throw new RangeError(
        `Cannot measure depth: stride is ${stride}, expected at most ${length}, the length of a sample`,
      );
    }
    return { stride, rows, tokens: tokensOf(length, stride, rows) };
  },
  origin: ({ stride, rows }, { blocks: { ids } }) => ({ stride, rows, frequent: frequentTokens(ids) }),
  passes: (model, { tokens }, size, [drop]) => [depthPass(model, size, tokens, drop)],
  room: ({ spec }, { tokens }, { length }) => groupOf(spec, length, tokens).bytes,
  async measure({ model, blocks, own: { tokens }, passes, requests: [request] }, options) {
    const { frequent, provenance: { drop } } = request;
    const share = 1 - passes[0].besides! / flopsOf(model, passes);
    return [{ samples: await sumsOver(model, blocks, { ...tokens, drop, frequent, share }, options) }];
  },
});

/** The pass over samples; besides it, the head behind every layer, and the last layer over the first tokens, behind every other one. */
function depthPass(
  model: Subject,
  { samples, length }: Size,
  { reading, again, readAgain }: Tokens,
  drop: DropPlan,
): Pass & { readonly besides: number } {
  const { layers, hidden, vocabulary } = model.spec;
  const before = layers.keys().take(layers.length - 1).toArray();
  const plans = [{ attention: before, mlp: before }];
  const last = flopsOf(model, [{ samples, length: again, plans, head: false }]);
  const heads = 2 * samples * (reading.length + readAgain.length) * layers.length * hidden * vocabulary;
  return { samples, length, plans: [drop], head: false, besides: heads + before.length * last };
}
