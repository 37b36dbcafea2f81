/** Claim C8 of the paper, that the method generalises to other norm placements, next to sweeps of several models. */
import { expect, list, resultOf, wholeNumber } from "../../entry/mod.ts";
import type { Sweep } from "../../result/mod.ts";
import type { Claim } from "./claims.ts";
import { groupsOf, meanOf } from "../chart/curves.ts";
import { formatFixed } from "../chart/numbers.ts";
import { counted } from "../chart/summary.ts";
import { ordersSign, riseSign, tally, unknownText } from "../chart/told.ts";

/**
 * What dropping `dropped` modules costs each model, for every order of its sweep; the claim holds where importance
 * costs less than random orders, as far as samples and seeds tell (95 %).
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
      return at ? [{ label, target, by, ...at, rise: meanOf(at.values, ({ rise }) => rise) }] : [];
    });
    const found = (wanted: string) =>
      costs.find(({ target, by }) => `${target} ${by}` === wanted)?.values ?? [];
    const [[attention], [mlp], random] = ["attention importance", "mlp importance", "attention random"].map(
      found,
    );
    const { samples } = sweep.provenance.packing;
    return {
      name: sweep.provenance.model.name + (sweep.provenance.packing.bos ? " after BOS" : ""),
      told: costs.map(({ label, rise }) => `${label} +${formatFixed(rise, 2)}`).join(", ").replaceAll(
        "+−",
        "−",
      ),
      ordered: attention ? ordersSign(attention, random, samples) : 0,
      cheaper: attention && mlp ? riseSign(attention, mlp, samples) : 0,
    };
  });
  const count = (key: "ordered" | "cheaper") => {
    const told = tally(models.map((model) => model[key]));
    return `${told.below} of ${counted(told.all, "case")}${unknownText(told, "in")}`;
  };
  return {
    id: "C8",
    claim: "The method generalises across norm placements: Peri-LN models too, not only Pre-LN.",
    measured:
      `Dropping attention by importance costs less than in a random order in ${count("ordered")}, and ` +
      `less than dropping MLPs in ${count("cheaper")}. Nats per token lost with ${dropped} dropped: ` +
      models.map(({ name, told }) => `${name}: ${told}`).join("; ") + ".",
  };
}
