/** Whether what two changes cost adds up. */
import { expect, isRecord, like, list, type Of, required, resultOf, wholeNumber } from "core/entry/mod.ts";
import { mean, planText, standardError } from "core/measure/mod.ts";
import { byInterval, endsOf, planData, type RiseInterval } from "core/result/mod.ts";
import { type DropPlan, dropPlan, noDrop } from "core/run/mod.ts";
import { namesAxis, reversed } from "core/show/chart/draw/axes.ts";
import { INK, SHADES } from "core/show/chart/draw/colors.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { formatFixed, reading } from "core/show/words/mod.ts";
import { heldOutChecks } from "core/study/options.ts";
import { aDrop, dropsIn, type PlanLike } from "core/study/plan.ts";
import { study } from "core/study/scope.ts";
import { run } from "core/study/study.ts";
import { textOf } from "core/study/text.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { type Interaction, type Interactions, interactionsKind, type Perplexity } from "./result.ts";
import { lossDifferences, perplexitiesIn } from "./study.ts";

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

const aList = required(list(aDrop, "plans", 1));
/** The checks of `InteractionsOptions`, option by option. */
export const interactionsChecks = {
  ...heldOutChecks,
  /** The plans, each of which is combined with each of `types`; a module that is dropped takes no type. */
  drops: aList,
  /** The plans that store modules in fewer bits. */
  types: aList,
};

/** Options of `interactions`. The losses are measured over `text`; default: `wiki`. */
export type InteractionsOptions = Of<typeof interactionsChecks>;

/**
 * Measures what each drop and each type cost together beyond the sum of what each costs alone, as `interaction` does for one pair; the
 * intervals are for all pairs together. `interactionsFigure` draws `rises`. Throws `RangeError` if both change the same.
 *
 * @example
 * ```ts
 * import { interactions } from "lamina";
 *
 * const drops = [{ mlp: [2] }, { attention: [3] }], types = [{ tables: { embedding: "Q4_0" } }] as const;
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const { rises } = await interactions("data/series/pre-ln/step04096", { drops, types, ...text });
 * for (const { drop, type, rise, low, high } of rises) console.log(drop, type, rise, low, high);
 * ```
 */
export async function interactions(
  model: StudyModel | string,
  options: InteractionsOptions,
): Promise<Interactions> {
  return await run(interactionsStudy, model, options);
}

export const interactionsStudy = study<InteractionsOptions, Interactions>({
  ...{ verb: "compare costs", label: "interactions", checks: interactionsChecks },
  text: (model, options) => textOf(model, options, heldOutChecks),
  async run(scope, model, options) {
    const text = textOf(model, options, heldOutChecks);
    const own = (plans: readonly PlanLike[]) => plans.map((plan) => planData(dropsIn(model, plan)));
    const [drops, types] = [own(options.drops), own(options.types)];
    const grid = [noDrop, ...drops].flatMap((drop) =>
      [noDrop, ...types].map((type) => bothOf(model, drop, type))
    );
    const known = { provenance: await scope.origin(model, text), drops, types };
    const label = `interactions of ${model.name}`;
    return await scope.kept(interactionsKind, label, known, async () => {
      const [runs] = await perplexitiesIn(scope, model, text, [grid], { label, group: "plans" });
      const run = (drop: number, type: number) => runs[drop * (types.length + 1) + type];
      const looks = drops.length * types.length;
      const rises = drops.flatMap((drop, d) =>
        types.map((type, t): Interaction => ({
          ...{ model: model.name, drop: planText(drop), type: planText(type) },
          ...interaction(run(d + 1, t + 1), run(d + 1, 0), run(0, t + 1), run(0, 0), looks),
        }))
      );
      return { ...known, rises };
    });
  },
});

/** Both plans; dropped modules take no type. */
function bothOf({ spec }: StudyModel, drop: DropPlan, type: DropPlan): DropPlan {
  if (drop.tables && type.tables) {
    throw new RangeError("Cannot compare costs: the tables of words are changed twice, expected once");
  }
  return dropPlan(spec, {
    attention: [...drop.attention, ...type.attention],
    mlp: [...drop.mlp, ...type.mlp],
    changes: [...drop.changes ?? [], ...type.changes ?? []].filter(({ module, layer }) =>
      !drop[module].includes(layer)
    ),
    tables: drop.tables ?? type.tables,
  });
}

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
