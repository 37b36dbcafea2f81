/** Claim C4 of the paper, that attention is redundant before training, next to untrained models. */
import { expect } from "../../entry/mod.ts";
import { moduleRatio, toldSign } from "../../measure/mod.ts";
import type { Claim } from "./claims.ts";
import { type InitModel, measuredInits, shapeText } from "../chart/init_model.ts";
import { formatNumber } from "../chart/numbers.ts";
import { tally, unknownText } from "../chart/told.ts";

/**
 * Returns the number of models in which attention is the less important module (95 % over seeds), and each model's ratio.
 *
 * @example
 * ```ts
 * import { initClaim } from "lamina/figures";
 * import { initModel, openConfig } from "lamina/init";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const model = await initModel(named, { samples: 1, length: 32 });
 * console.log(initClaim([model]).measured);
 * ```
 */
export function initClaim(models: readonly InitModel[]): Claim {
  expect("judge a claim", "models", models, measuredInits);
  const ratios = models.map((model) => {
    const { attention, mlp } = model.measured;
    return {
      ratio: moduleRatio({ attention: attention.importance, mlp: mlp.importance }),
      sign: toldSign(attention.bySeed.map((importance, seed) => (
        Math.log(moduleRatio({ attention: importance, mlp: mlp.bySeed[seed] }))
      ))),
      text: shapeText(model),
    };
  });
  const less = tally(ratios.map(({ sign }) => sign));
  return {
    id: "C4",
    claim: "Attention's redundancy is evident in randomly initialised models.",
    measured:
      `Attention is the less important module in ${less.below} of ${models.length} shapes${
        unknownText(less, "in")
      }. Ratio of its importance ` +
      `to the MLP's: ${ratios.map(({ text, ratio }) => `${formatNumber(ratio)} (${text})`).join("; ")}.`,
  };
}
