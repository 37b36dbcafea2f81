/** The cost of cutting single heads of attention. */
import { type Checks, required, wholeNumber } from "../../entry/mod.ts";
import { scoring } from "../../models/mod.ts";
import type { RiseInterval } from "../../result/mod.ts";
import { studyChecks, type StudyOptions } from "../base/options.ts";
import { paired, perplexities } from "../passes/perplexity.ts";
import { onModel, type StudyModel } from "../../subject/mod.ts";

/** The loss from cutting one head of attention, with all others in place. */
export interface HeadRemoval extends RiseInterval {
  /** Layer index, 0-based. */
  readonly layer: number;
  /** Index of the query head, 0-based. */
  readonly head: number;
}

/** Options of `heads`. */
export interface HeadsOptions extends StudyOptions {
  /** Layer index, 0-based. */
  readonly layer: number;
}

const headChecks: Checks<HeadsOptions> = { ...studyChecks, layer: required(wholeNumber(0)) };

/**
 * Cuts every query head of one layer's softmax attention in turn and measures the loss, in nats per token with its 95 % interval, paired
 * over samples (Michel et al. 2019, arXiv 1905.10650). Of twenty heads without effect, one interval leaves out zero by chance. Throws `RangeError` for a layer
 * without such attention, or with a single head.
 *
 * @example
 * ```ts
 * import { heads, openModel } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const list = await heads(model, { layer: 2, text: "README.md", samples: 2, length: 32 });
 * console.log(list.map(({ head, rise, low, high }) => [head, rise, low, high]));
 * ```
 */
export async function heads(model: StudyModel | string, options: HeadsOptions): Promise<HeadRemoval[]> {
  return await onModel("cut heads", model, options, headChecks, async (model, { layer, ...options }) => {
    const { heads: count = 0 } = scoring(model.spec.layers[layer]?.attention ?? null) ?? {};
    if (count < 2) {
      throw new RangeError(
        `Cannot cut heads of layer ${layer} of ${model.name}: found ${count}, expected a softmax attention with several`,
      );
    }
    const plans = Array.from({ length: count }, (_, head) => ({
      changes: [{ layer, module: "attention", to: "weights", heads: [head] }] as const,
    }));
    const [full, ...runs] = await perplexities(model, [{}, ...plans], options);
    return runs.map((run, head) => ({ layer, head, ...paired(run, full) }));
  });
}
