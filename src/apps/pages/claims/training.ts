/** Claims C3, C4 and C8 of the paper, that attention is redundant throughout training, before it, and at other norm placements, next to what models measured. */
import { aSweep, curveName, generalityOf, meanOf, type Sweep } from "../../../features/sweep/mod.ts";
import {
  type Checkpoints,
  medianCounts,
  medianRatios,
  qualityBySteps,
} from "../../../features/training/mod.ts";
import {
  initCounts,
  type InitModel,
  measuredInits,
  measuredRatio,
  shapeText,
} from "../../../features/untrained/mod.ts";
import { type Tally, tally } from "core/result/mod.ts";
import { formatFixed, formatNumber, formatSigned, reading, unknownText } from "core/show/words/mod.ts";
import { expect, list, resultOf, wholeNumber } from "core/entry/mod.ts";
import type { Claim } from "./claims.ts";

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
  const { name } = result;
  const last = medianRatios(result).at(-1);
  const at = (counts: Tally) => `at ${counts.below} of ${counts.all} steps${unknownText(counts, "at")}`;
  const quality = qualityBySteps(result);
  const cheaper = at(tally(quality.map(({ sign }) => sign)));
  const halves = quality.at(-1);
  const lower = at(medianCounts(result));
  const times = last && `, and ${formatFixed(last.ratio, 2)} times as large at step ${last.step}`;
  const halved = halves &&
    reading`; dropping half of attention costs less than dropping half of the MLPs ${cheaper}:
      ${formatSigned(halves.attention.rise)} versus ${formatSigned(halves.mlp.rise)} nats per token at step
      ${String(halves.step)}`;
  return reading`${name}: attention's median importance is below the MLP's ${lower}${times}${halved}.`;
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
  const ratios = models.map((model) => ({ ratio: measuredRatio(model), text: shapeText(model) }));
  const less = initCounts(models.map(({ measured }) => measured));
  return {
    id: "C4",
    claim: "Attention's redundancy is evident in randomly initialised models.",
    measured: reading`Attention is the less important module in ${less.below} of ${models.length}
      shapes${unknownText(less, "in")}. Ratio of its importance to the MLP's:
      ${ratios.map(({ text, ratio }) => `${formatNumber(ratio)} (${text})`).join("; ")}.`,
  };
}

/**
 * Returns what dropping `dropped` modules costs each model, for every order of its sweep; the claim holds if importance beats random
 * orders. A case counts if the 95 % interval of the difference excludes 0; the others are counted separately.
 *
 * @example
 * ```ts
 * import { sweep } from "lamina";
 * import { generalityClaim } from "lamina/figures";
 *
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const result = await sweep("data/series/pre-ln/step04096", { ...text, calibration: text, targets: ["attention"], upto: 2, seeds: 1 });
 * console.log(generalityClaim([result], 2).measured);
 * ```
 */
export function generalityClaim(sweeps: readonly Sweep[], dropped: number): Claim {
  expect("judge a claim", "sweeps", sweeps, list(aSweep, "sweeps", 1));
  expect("judge a claim", "dropped", dropped, wholeNumber(0));
  const models = sweeps.map((sweep) => {
    const { costs, ...verdicts } = generalityOf(sweep, dropped);
    const { model, packing: { bos } } = sweep.provenance;
    return {
      name: model.name + (bos ? " after BOS" : ""),
      losses: costs.map((cost) =>
        `${curveName(cost)} ${formatSigned(meanOf(cost.values, ({ rise }) => rise))}`
      ).join(", "),
      ...verdicts,
    };
  });
  const count = (key: "holds" | "cheaper") => {
    const [yes, unknown] = (["yes", "cannot tell"] as const).map((verdict) =>
      models.filter((model) => model[key] === verdict).length
    );
    return `${yes} of ${models.length}${unknownText({ unknown }, "for")}`;
  };
  return {
    id: "C8",
    claim: "The method generalises across norm placements: Peri-LN models too, not only Pre-LN.",
    measured: reading`Dropping attention by importance costs less than in random orders in
      ${count("holds")}, and less than dropping MLPs in ${count("cheaper")}. Nats per token lost with
      ${dropped} dropped: ${models.map(({ name, losses }) => `${name}: ${losses}`).join("; ")}.`,
  };
}
