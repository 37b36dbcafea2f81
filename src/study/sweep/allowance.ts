/** What a curve allows to be dropped within a budget of nats. */
import { expect, like, number, wholeNumber } from "../../entry/mod.ts";
import { studentT95 } from "../../measure/mod.ts";
import type { Sweep } from "../../result/mod.ts";

/** How many modules of a curve can be dropped within a budget. */
export interface Allowance {
  /** The largest number of drops whose loss, and that of all smaller ones, is within the budget; 0 if not even the first is. */
  readonly dropped: number;
  /** The same for the upper end of the loss's 95 % confidence interval; 0 for a single sample, which has none. */
  readonly atLeast: number;
  /** The same with the lower end; the largest number of the curve for a single sample. */
  readonly atMost: number;
}

const aCurve = like(
  "a curve of a sweep",
  (value) => Array.isArray((value as Partial<Sweep["curves"][number]> | null)?.points),
);

/**
 * The largest drop whose nll rises by at most `budget` nats per token.
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
 * console.log(allowance(result.curves[0], 0.05, 2).dropped); // how many can go for 0.05 nats per token
 * model.close();
 * ```
 */
export function allowance(curve: Sweep["curves"][number], budget: number, samples: number): Allowance {
  expect("find an allowance", "curve", curve, aCurve);
  expect("find an allowance", "budget", budget, number("a number of nats"));
  expect("find an allowance", "samples", samples, wholeNumber(1));
  const largest = (loss: (point: Sweep["curves"][number]["points"][number]) => number) => {
    const over = curve.points.findIndex((point) => !(loss(point) <= budget));
    return curve.points.slice(0, over < 0 ? undefined : over).at(-1)?.dropped ?? 0;
  };
  const half = (error: number | null) =>
    samples > 1 && error !== null ? studentT95(samples) * error : Infinity;
  return {
    dropped: largest((point) => point.rise),
    atLeast: largest((point) => point.rise + half(point.riseError)),
    atMost: largest((point) => point.rise - half(point.riseError)),
  };
}
