/** Claims C3 and C4 of the paper, that attention is redundant throughout training and before it, next to what models measured. */
import { type Checkpoints, medianSign, qualityBySteps, riseSign, tally, trendsOf } from "../../result/mod.ts";
import { formatFixed, formatNumber, formatSigned, unknownText } from "../words/mod.ts";
import { expect, list, resultOf } from "../../entry/mod.ts";
import type { Claim } from "./claims.ts";
import { moduleRatio, toldSign } from "../../measure/mod.ts";
import { type InitModel, measuredInits, shapeText } from "../chart/init_model.ts";

/**
 * Returns the claim that attention stays redundant through training: its importance against the MLP's, and what dropping half of it costs.
 *
 * @example
 * ```ts
 * import { trainingClaim } from "lamina/figures";
 * import { checkpoints, openSeries } from "lamina/series";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * console.log(trainingClaim([result]).measured);
 * ```
 */
export function trainingClaim(results: readonly Checkpoints[]): Claim {
  expect("judge a claim", "results", results, list(resultOf("checkpoints"), "results of checkpoints", 1));
  return {
    id: "C3",
    claim: "Attention redundancy persists throughout training.",
    measured: results.map(measuredOf).join(" "),
  };
}

function measuredOf(result: Checkpoints): string {
  const [attention, mlp] = [trendsOf(result, "attention"), trendsOf(result, "mlp")];
  const ratios = attention.flatMap(({ step, median }, i) => {
    const other = mlp[i].median;
    return median === null || other === null ? [] : [{ step, ratio: median / other }];
  });
  const lower = tally(result.series.flatMap((entry) => medianSign(entry) ?? []));
  const quality = qualityBySteps(result);
  const samples = result.series.flatMap(({ quality }) => quality?.provenance.packing.samples ?? [])[0];
  const cheaper = tally(quality.map((point) => riseSign(point.attention, point.mlp, samples)));
  const last = quality.at(-1);
  return [
    `${result.name}: attention's median importance is below the MLP's at ${lower.below} of ${lower.all} steps${
      unknownText(lower, "at")
    }` +
    (ratios.length
      ? `, and ${formatFixed(ratios.at(-1)!.ratio, 2)} times as large at step ${ratios.at(-1)!.step}`
      : ""),
    ...last
      ? [
        `dropping half of attention costs less than dropping half of the MLPs at ${cheaper.below} of ${cheaper.all} steps${
          unknownText(cheaper, "at")
        }: ` +
        `${formatSigned(last.attention.rise)} versus ${formatSigned(last.mlp.rise)} nats per token ` +
        `at step ${last.step}`,
      ]
      : [],
  ].join("; ") + ".";
}

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
