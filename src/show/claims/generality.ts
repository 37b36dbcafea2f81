/** Claim C8 of the paper, that the method generalises to other norm placements, next to sweeps of several models. */
import { expect, list, resultOf, wholeNumber } from "../../entry/mod.ts";
import type { Sweep } from "../../result/mod.ts";
import type { Claim } from "./claims.ts";
import { groupsOf, meanOf } from "../chart/curves.ts";
import { formatFixed } from "../chart/numbers.ts";

/**
 * What dropping `dropped` modules costs each model, for every order of its sweep; the claim holds where importance beats random orders.
 *
 * @example
 * ```ts
 * import { curvesOf, generalityClaim, openSeries, profile, sweep } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const importance = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const curves = curvesOf("attention", 1);
 * const result = await sweep(model, importance, curves, [0, 1, 2], { text: "README.md", samples: 2, length: 32 });
 * console.log(generalityClaim([result], 2).measured);
 * model.close();
 * ```
 */
export function generalityClaim(sweeps: readonly Sweep[], dropped: number): Claim {
  expect("judge a claim", "sweeps", sweeps, list(resultOf("sweep"), "sweeps", 1));
  expect("judge a claim", "dropped", dropped, wholeNumber(0));
  const models = sweeps.map((sweep) => {
    const costs = groupsOf(sweep).flatMap(({ label, target, by, points }) => {
      const at = points.find((point) => point.dropped === dropped);
      return at ? [{ label, target, by, rise: meanOf(at.values, ({ rise }) => rise) }] : [];
    });
    const cost = (wanted: string) =>
      costs.find(({ target, by }) => `${target} ${by}` === wanted)?.rise ?? NaN;
    return {
      name: sweep.provenance.model.name + (sweep.provenance.packing.bos ? " after BOS" : ""),
      told: costs.map(({ label, rise }) => `${label} +${formatFixed(rise, 2)}`).join(", ").replaceAll(
        "+−",
        "−",
      ),
      holds: cost("attention importance") < cost("attention random"),
      cheaper: cost("attention importance") < cost("mlp importance"),
    };
  });
  const count = (key: "holds" | "cheaper") =>
    `${models.filter((model) => model[key]).length} of ${models.length}`;
  return {
    id: "C8",
    claim: "The method generalises across norm placements: Peri-LN models too, not only Pre-LN.",
    measured:
      `Dropping attention by importance costs less than in a random order in ${count("holds")} cases, and ` +
      `less than dropping MLPs in ${count("cheaper")}. Nats per token lost with ${dropped} dropped: ` +
      models.map(({ name, told }) => `${name}: ${told}`).join("; ") + ".",
  };
}
