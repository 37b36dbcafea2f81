/** How far plans move later updates, beside their loss, and whether one orders them by the other. */
import { planText } from "../../measure/mod.ts";
import { effectsOrder, type Perplexity } from "../../result/mod.ts";
import { reading } from "../words/mod.ts";
import { correlationText, correlationWords } from "../words/verdicts.ts";
import { type Column, type Table, tableOf } from "./table.ts";

const SIDES = ["rise", "across", "along"] as const;
/** Each number with the ends of its interval, as columns of a CSV. */
export const EFFECTS: readonly Column<Perplexity>[] = SIDES.flatMap((side) =>
  (["value", "low", "high"] as const).map((end) => ({
    key: ["effects", side, ...end === "value" ? [] : [end]].join("_"),
    value: ({ effects }: Perplexity) => effects?.[side]?.[end],
  }))
);

/** Those that move later updates. */
export const movingIn = (results: readonly Perplexity[]): Perplexity[] =>
  results.filter(({ effects }) => effects?.across);

/** A table of the plans; none where no effects were measured. */
export function effectsTables(results: readonly Perplexity[]): Table[] {
  const measured = movingIn(results);
  if (measured.length === 0) return [];
  const { of: { model, dtype } } = measured[0].effects!;
  const within95 = (side: typeof SIDES[number]): Column<Perplexity> => ({
    title: side,
    value: ({ effects }) =>
      reading`${{ value: null, low: null, high: null, ...effects?.[side], decimals: 3 }}`,
  });
  return [{
    title: `updates of later modules, over those of ${model.name} in ${dtype}`,
    ...tableOf(measured, [
      { title: "dropped", value: ({ provenance }) => planText(provenance.drop), align: "left" },
      ...SIDES.map(within95),
    ]),
    notes: [
      "with 95 % intervals over samples; rise: of the loss, nats per token; across, along: means of |e⊥| / |u| and |e∥| / |u| over tokens and later modules, where a module's " +
      "update u becomes u + e, of which e∥ lies along the stream",
      ...orderLines(measured),
    ],
  }];
}

/** Whether moves of either kind order the plans by their loss; nothing for fewer than three plans. */
function orderLines(results: readonly Perplexity[]): string[] {
  const order = effectsOrder(results);
  const { count } = order.across;
  if (count < 3) return [];
  const line = (side: "along" | "across") => {
    const found = order[side];
    const words = correlationWords({ ...found, layers: found.count }, {
      above: "rises with",
      below: "falls with",
      neither: "cannot be told to follow",
    });
    return `|e| ${side} the stream ${words} the rise of the loss: rank correlation ${correlationText(found)}`;
  };
  return [reading`over ${count} plans, ${line("across")}; ${line("along")}`];
}
