/** Whether what two changes cost adds up. */
import { expect, isRecord, like, list, resultOf, wholeNumber } from "core/entry/mod.ts";
import { mean, standardError } from "core/measure/mod.ts";
import { byInterval, endsOf, type RiseInterval } from "core/result/mod.ts";
import { namesAxis, reversed } from "core/show/chart/draw/axes.ts";
import { INK, SHADES } from "core/show/chart/draw/colors.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { formatFixed, reading } from "core/show/words/mod.ts";
import type { Perplexity } from "./result.ts";
import { lossDifferences } from "./study.ts";

/**
 * Measures what two changes cost together beyond the sum of what each costs alone, in nats per token, paired over samples. `looks` is
 * the number of such comparisons: the interval is that of 95 % for all of them (Bonferroni). Throws `RangeError` for different texts.
 *
 * @example
 * ```ts
 * import { openModel, perplexities } from "lamina";
 * import { interaction } from "lamina/figures";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const plans = [{}, { mlp: [2] }, { attention: [3] }, { mlp: [2], attention: [3] }];
 * const [full, mlp, attention, both] = await perplexities(model, plans, { text: "README.md", samples: 2, length: 32 });
 * console.log(interaction(both, mlp, attention, full));
 * ```
 */
export function interaction(
  both: Perplexity,
  first: Perplexity,
  second: Perplexity,
  full: Perplexity,
  looks = 1,
): RiseInterval {
  Object.entries({ both, first, second, full })
    .forEach(([name, run]) => expect("compare costs", name, run, resultOf("perplexity")));
  expect("compare costs", "looks", looks, wholeNumber(1));
  const [together, one, other] = [both, first, second].map((run) => lossDifferences(run, full));
  const beyond = together.map((rise, i) => rise - one[i] - other[i]);
  const rise = mean(beyond);
  return { rise, ...endsOf(rise, standardError(beyond), beyond.length, looks) };
}

/** What a drop and a type cost together beyond their sum, with the names that the figure shows. */
export type Interaction = RiseInterval & Readonly<Record<"model" | "drop" | "type", string>>;

/** Dearer together than alone, cheaper, and what the samples cannot tell. */
const [DEARER, CHEAPER, OPEN] = [SHADES[2], SHADES[5], "#f0f1f3"];

/** Draws interactions as a map of drop × type; cells whose interval contains 0 have no colour. Throws `RangeError` for an empty list. */
export const interactionsFigure: Draw<[readonly Interaction[]]> = figure("interactions", {
  interactions: list(like("an interaction", isRecord), "interactions", 1),
}, (all) => {
  const [drops, types] = (["drop", "type"] as const).map((name) => [...new Set(all.map((one) => one[name]))]);
  const { above, below, neither } = byInterval(all, (one) => one);
  const placed = all.map((one) => ({ one, x: types.indexOf(one.type), y: drops.indexOf(one.drop) }));
  const sorted = all.toSorted((a, b) => a.rise - b.rise), [least, most] = [sorted[0], sorted.at(-1)!];
  return {
    rows: all.map((one) => ({ ...one })),
    title: {
      found: above.length + below.length > 0 &&
        `A drop and a type cost more together in ${above.length} of ${all.length} cases, less in ${below.length}`,
      open: neither.length === all.length
        ? "whether costs of a drop and a type add up in any case"
        : neither.length > 0 && `in ${neither.length}`,
    },
    shows: [
      "Rise of the loss with both, less the rises of each alone, in thousandths of a nat per token. Colour: the interval, corrected for all",
      "cells, excludes 0 (orange: dearer together, blue: cheaper).",
    ],
    setting: `${all[0].model} · ${drops.length} drops × ${types.length} types`,
    reads: [
      reading`From ${least} (${least.drop}, ${least.type}) to ${most} (${most.drop}, ${most.type}) nats per token.`,
    ],
    panels: [{
      height: 90 + 34 * drops.length,
      x: { ...namesAxis(types), small: true },
      y: { ...reversed(namesAxis(drops)), small: true },
      cells: placed.map(({ one, x, y }) => ({
        ...{ x1: x - 0.48, x2: x + 0.48, y1: y - 0.46, y2: y + 0.46 },
        fill: above.includes(one) ? DEARER : below.includes(one) ? CHEAPER : OPEN,
        says: reading`${one.drop}, ${one.type}: ${one}`,
      })),
      names: placed.map(({ one, x, y }) => ({
        ...{ text: formatFixed(1000 * one.rise, 1), at: [{ x, y }], on: true, color: INK, small: true },
        bold: !neither.includes(one),
      })),
    }],
  };
});
