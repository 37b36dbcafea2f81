/** Claim C3 next to what series of checkpoints measured. */
import { expect, list, resultOf } from "../../entry/mod.ts";
import type { Checkpoints } from "../../result/mod.ts";
import { qualityBySteps, trendsOf } from "../chart/checkpoint_trends.ts";
import type { Claim } from "./claims.ts";
import { formatFixed } from "../chart/numbers.ts";
import { medianSign, riseSign, tally, unknownText } from "../chart/told.ts";

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
        `+${formatFixed(last.attention.rise, 2)} versus +${
          formatFixed(last.mlp.rise, 2)
        } nats per token at step ${last.step}`
          .replaceAll("+−", "−"),
      ]
      : [],
  ].join("; ") + ".";
}
