/** Claim C8 of the paper, that the method generalises to other norm placements, next to sweeps of several models. */
import { costsLess, groupsOf, meanOf, type Sweep } from "../../result/mod.ts";
import { curveName, formatSigned } from "../words/mod.ts";
import { expect, list, resultOf, wholeNumber } from "../../entry/mod.ts";
import type { Verdict } from "../../measure/mod.ts";
import type { Claim } from "./claims.ts";

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
  expect("judge a claim", "sweeps", sweeps, list(resultOf("sweep"), "sweeps", 1));
  expect("judge a claim", "dropped", dropped, wholeNumber(0));
  const models = sweeps.map((sweep) => {
    const costs = groupsOf(sweep).flatMap((group) => {
      const { target, by, repair, points } = group;
      const at = points.find((point) => point.dropped === dropped);
      return at && !repair
        ? [{
          label: curveName(group),
          target,
          by,
          values: at.values,
          rise: meanOf(at.values, ({ rise }) => rise),
        }]
        : [];
    });
    const { samples } = sweep.provenance.packing;
    const isCheaperThan = (other: string) => {
      const [own, others] = ["attention importance", other].map((wanted) =>
        costs.find(({ target, by }) => `${target} ${by}` === wanted)
      );
      return own && others ? costsLess(own, others, samples) : "cannot tell";
    };
    return {
      name: sweep.provenance.model.name + (sweep.provenance.packing.bos ? " after BOS" : ""),
      losses: costs.map(({ label, rise }) => `${label} ${formatSigned(rise)}`).join(", "),
      holds: isCheaperThan("attention random"),
      cheaper: isCheaperThan("mlp importance"),
    };
  });
  const count = (key: "holds" | "cheaper") => {
    const of = (verdict: Verdict) => models.filter((model) => model[key] === verdict).length;
    const unclear = of("cannot tell");
    return `${of("yes")} of ${models.length}${unclear ? ` (cannot tell for ${unclear})` : ""}`;
  };
  return {
    id: "C8",
    claim: "The method generalises across norm placements: Peri-LN models too, not only Pre-LN.",
    measured: `Dropping attention by importance costs less than in random orders in ${count("holds")}, and ` +
      `less than dropping MLPs in ${count("cheaper")}. Nats per token lost with ${dropped} dropped: ` +
      models.map(({ name, losses }) => `${name}: ${losses}`).join("; ") + ".",
  };
}
