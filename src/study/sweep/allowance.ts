/** What a curve allows to be dropped within a budget of nats. */
import { expect, like, number, optionsOf, wholeNumber } from "../../entry/mod.ts";
import { type Allowance, withinBudget } from "../../measure/mod.ts";
import type { Sweep } from "../../result/mod.ts";

export type { Allowance };

const checks = { budget: number("a number of nats"), samples: wholeNumber(1) };
const aCurve = like(
  "a curve of a sweep",
  (value) => Array.isArray((value as Partial<Sweep["curves"][number]> | null)?.points),
);

/**
 * Finds how many modules can be dropped along a curve before the loss rises by more than `budget` nats per token.
 *
 * @example
 * ```ts
 * import { openModel, sweep } from "lamina";
 * import { allowance } from "lamina/figures";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const result = await sweep(model, { ...text, calibration: text, targets: ["attention"], by: ["importance"], upto: 2 });
 * console.log(allowance(result.curves[0], { budget: 0.05, samples: 2 }).dropped); // number of modules to drop for at most 0.05 nats per token
 * ```
 */
export function allowance(
  curve: Sweep["curves"][number],
  options: { readonly budget: number; readonly samples: number },
): Allowance {
  expect("find an allowance", "curve", curve, aCurve);
  expect("find an allowance", "options", options, optionsOf(checks));
  const { budget, samples } = options;
  expect("find an allowance", "budget", budget, checks.budget);
  expect("find an allowance", "samples", samples, checks.samples);
  return withinBudget(curve.points, budget, samples);
}
