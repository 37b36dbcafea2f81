/** Claim C4 of the paper, that attention is redundant before training, next to untrained models. */
import { expect } from "../../entry/mod.ts";
import { moduleRatio } from "../../measure/mod.ts";
import type { Claim } from "./claims.ts";
import { type InitModel, measuredInits, shapeText } from "../chart/init_model.ts";
import { formatNumber } from "../chart/numbers.ts";

/**
 * In how many of the models attention is the less important module, and each model's ratio.
 *
 * @example
 * ```ts
 * import { initClaim, initModel, openConfig } from "lamina";
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
      text: shapeText(model),
    };
  });
  const less = ratios.filter(({ ratio }) => ratio < 1).length;
  return {
    id: "C4",
    claim: "Attention's redundancy is evident in randomly initialised models.",
    measured:
      `Attention is the less important module in ${less} of ${models.length} shapes. Ratio of its importance ` +
      `to the MLP's: ${ratios.map(({ text, ratio }) => `${formatNumber(ratio)} (${text})`).join("; ")}.`,
  };
}
