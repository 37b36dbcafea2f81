import { type CauseName, type Causes, headMean, layerStreams } from "../../../features/causes/mod.ts";
import { mean, median, present } from "core/measure/mod.ts";
import { correlationText, formatFixed, formatNumber, reading } from "core/show/words/mod.ts";
import { expect, list, resultOf } from "core/entry/mod.ts";
import { fixed, optional } from "core/show/tables/table.ts";
import type { Claim } from "./claims.ts";

/**
 * Returns the paper's claims about causes of redundancy (C2, C5, C6, C7), with what each model measured.
 *
 * @example
 * ```ts
 * import { causes } from "lamina";
 * import { causeClaims } from "lamina/figures";
 *
 * const result = await causes("data/series/pre-ln/step04096", { text: "README.md", samples: 2, length: 32 });
 * for (const { id, claim, measured } of causeClaims([result])) console.log(id, claim, measured);
 * ```
 */
export function causeClaims(results: readonly Causes[]): Claim[] {
  expect("judge claims", "results", results, list(resultOf("causes"), "results of causes", 1));
  const each = (measure: (result: Causes) => string) =>
    results.map((result) => `${result.provenance.model.name}: ${measure(result)}`).join("; ") + ".";
  return [
    {
      id: "C2",
      claim: "Dropping MLP modules severely impairs the model's ability to distinguish between tokens.",
      measured: each(underDrops),
    },
    {
      id: "C5",
      claim: "One cause of attention's redundancy is its sparse patterns.",
      measured: each((result) => {
        const keys = optional(median(headMean(result, "effectiveKeys")), formatNumber);
        return reading`heads of the median layer attend to ${keys} effective keys; importance and normalised
          entropy: ${correlation(result, "normalizedEntropy")}`;
      }),
    },
    {
      id: "C6",
      claim: "One cause is over-smoothed token embeddings.",
      measured: each((result) => {
        const cosines = present(result.smoothing[0].mlp.meanCosine.mean);
        const most = cosines.length ? Math.max(...cosines) : null;
        return reading`mean cosine of token pairs up to ${optional(most, fixed(2))}; compared with importance:
          ${correlation(result, "meanCosine")}`;
      }),
    },
    {
      id: "C7",
      claim: "One cause is the low magnitude of attention's outputs.",
      measured: each((result) => {
        const [attention, mlp] = [result.attention, result.mlp].map(({ relativeMagnitude }) =>
          optional(median(relativeMagnitude), formatNumber)
        );
        return reading`median relative magnitude ${attention} for attention, ${mlp} for the MLP; compared with
          importance: ${correlation(result, "relativeMagnitude")}`;
      }),
    },
  ];
}

/** Mean cosine after each layer: full, and without the largest number of attention modules or MLPs that was dropped. */
function underDrops({ smoothing }: Causes): string {
  const streams = [smoothing[0], smoothing.findLast(({ drop }) => drop.attention.length), smoothing.at(-1)!]
    .flatMap((smoothed, i) => {
      const cosines = smoothed ? present(layerStreams(smoothed, "meanCosine").map(({ value }) => value)) : [];
      if (cosines.length === 0) return [];
      const n = smoothed!.drop.attention.length + smoothed!.drop.mlp.length;
      const what = ["full", `without ${n} attention modules`, `without ${n} MLPs`][i];
      return [`${formatFixed(mean(cosines), 3)} ${what}`];
    });
  return `mean cosine over the layers ${smoothing.length > 1 ? streams.join(", ") : streams[0]}`;
}

function correlation({ correlations }: Causes, cause: CauseName): string {
  const found = correlations.find((entry) => entry.module === "attention" && entry.cause === cause);
  if (!found || found.rank === null) return "no measurable correlation";
  return `rank correlation ${correlationText(found)}`;
}
