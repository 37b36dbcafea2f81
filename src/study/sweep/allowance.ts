/** What a curve allows to be dropped within a budget of nats. */
import { expect, like, number, wholeNumber } from "../../entry/mod.ts";
import { type Allowance, withinBudget } from "../../measure/mod.ts";
import type { Sweep } from "../../result/mod.ts";

export type { Allowance };

const aCurve = like(
  "a curve of a sweep",
  (value) => Array.isArray((value as Partial<Sweep["curves"][number]> | null)?.points),
);

/**
 * Finds how many modules can be dropped along a curve before the loss rises by more than `budget` nats per token.
 *
 * @example
 * ```ts
 * import { allowance, curvesOf, openSeries, profile, sweep } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const importance = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const curves = curvesOf("attention", 1);
 * const result = await sweep(model, importance, curves, [0, 1, 2], { text: "README.md", samples: 2, length: 32 });
 * console.log(allowance(result.curves[0], 0.05, 2).dropped); // number of modules to drop for at most 0.05 nats per token
 * model.close();
 * ```
 */
export function allowance(curve: Sweep["curves"][number], budget: number, samples: number): Allowance {
  expect("find an allowance", "curve", curve, aCurve);
  expect("find an allowance", "budget", budget, number("a number of nats"));
  expect("find an allowance", "samples", samples, wholeNumber(1));
  return withinBudget(curve.points, budget, samples);
}
