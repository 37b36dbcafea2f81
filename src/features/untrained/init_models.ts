/**
 * Untrained models measured and computed side by side: one, several that differ in one property, and by the closed form alone
 * a map over width and standard deviation.
 */
import { eachIn, expect, list, number, type Of, optionsOf, required, wholeNumber } from "core/entry/mod.ts";
import { moduleRatio, type RatioPoint } from "./theory/module_ratio.ts";
import { readSpec, scoring } from "core/models/mod.ts";
import type { InitModel } from "./init_model.ts";
import type { RandomInit } from "./result.ts";
import { aConfig, type NamedConfig, onConfig } from "core/subject/mod.ts";
import { inTurn } from "core/study/stage.ts";
import { predictInit } from "./predict.ts";
import {
  randomInit,
  randomInitChecks,
  type RandomInitOptions,
  randomInitStudy,
  shapeOf,
  untrainedOf,
} from "./random_init.ts";

const { verb: VERB } = randomInitStudy;

/**
 * Measures an untrained model and computes its closed form.
 *
 * @example
 * ```ts
 * import { initModel, openConfig } from "lamina/init";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const model = await initModel(named, { samples: 1, length: 32 });
 * console.log(model.measured.attention.importance, model.predicted.attention);
 * ```
 */
export async function initModel(
  named: NamedConfig | string,
  options: RandomInitOptions = {},
): Promise<InitModel> {
  return await onConfig(VERB, named, options, randomInitChecks, async (named, options) => (
    { measured: await randomInit(named, options), predicted: predictInit(named, options) }
  ));
}

/**
 * Measures untrained models that differ in one property. Its values name the changes:
 * `initModels(named, { 4: { layers: 4 }, 8: { layers: 8 } })`.
 *
 * @example
 * ```ts
 * import { initModels, openConfig } from "lamina/init";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const models = await initModels(named, { 4: { layers: 4 }, 8: { layers: 8 } }, { samples: 1, length: 32 });
 * console.log(models.map(({ value, measured }) => [value, measured.mlp.importance]));
 * ```
 */
export async function initModels(
  named: NamedConfig | string,
  changes: Readonly<Record<string, RandomInitOptions>>,
  options: RandomInitOptions = {},
): Promise<(InitModel & { value: string })[]> {
  expect(VERB, "changes", changes, eachIn(optionsOf(randomInitChecks), "options by name"));
  return await onConfig(
    VERB,
    named,
    options,
    randomInitChecks,
    (named, options) =>
      inTurn(Object.entries(changes), options, async ([value, change], own) => (
        { value, ...await initModel(named, { ...own, ...change }) }
      )),
  );
}

/** The closed form's prediction for a configuration, as a row of a table. */
export interface ComputedRatio {
  /** Name of the configuration. */
  readonly name: string;
  /** Width of the stream, D. */
  readonly hidden: number;
  /** σ, the standard deviation of the weights. */
  readonly std: number;
  /** σ√D. */
  readonly product: number;
  /** Placement of the norms. */
  readonly norm: RandomInit["shape"]["norm"];
  /** Ratio of attention's importance to the MLP's. */
  readonly ratio: number;
}

/**
 * Computes by the closed form which module of a configuration turns the stream further.
 *
 * @example
 * ```ts
 * import { computedRatio, openConfig } from "lamina/init";
 *
 * console.log(computedRatio(await openConfig("llama-2-7b")).ratio); // below 1: attention turns the stream less
 * ```
 */
export function computedRatio(named: NamedConfig, options: RandomInitOptions = {}): ComputedRatio {
  expect("compute a ratio", "configuration", named, aConfig);
  expect("compute a ratio", "options", options, optionsOf(randomInitChecks));
  const { name, spec, initialiser: { std } } = untrainedOf(named, options);
  const { hidden, norm } = shapeOf(spec);
  const ratio = moduleRatio(predictInit(named, options));
  return { name, hidden, std, product: std * Math.sqrt(hidden), norm, ratio };
}

/**
 * Returns the options that give a configuration's architecture another width, with the number of heads that keeps the head size
 * closest to the original. Throws `RangeError` if no number of heads divides the width.
 *
 * @example
 * ```ts
 * import { atWidth, openConfig } from "lamina/init";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * console.log(atWidth(named, 192)); // { hidden: 192, heads: … }
 * ```
 */
export function atWidth(
  named: NamedConfig,
  hidden: number,
): { readonly hidden: number; readonly heads: number } {
  expect("resize", "configuration", named, aConfig);
  expect("resize", "hidden", hidden, wholeNumber(1));
  const { hidden: own, layers } = readSpec(named.config, named.name, named.allowFields);
  const attention = scoring(layers[0].attention);
  if (!attention) {
    throw new RangeError(`Cannot resize ${named.name}: its first layer has no attention, expected one`);
  }
  const width = attention.heads * attention.headSize * hidden / own;
  const group = attention.heads / attention.kvHeads;
  const fitting = Array.from({ length: Math.floor(width / group) }, (_, i) => (i + 1) * group)
    .filter((heads) => width % (2 * heads) === 0);
  if (fitting.length === 0) {
    throw new RangeError(`Cannot resize ${named.name} to ${hidden}: no number of heads divides its width`);
  }
  const off = (heads: number) => Math.abs(Math.log(width / heads / attention.headSize));
  return { hidden, heads: fitting.reduce((best, heads) => off(heads) < off(best) ? heads : best) };
}

/** The checks of `RatioOptions`, option by option. */
export const ratioChecks = {
  ...randomInitChecks,
  /** Widths of the stream, D. */
  widths: required(list(wholeNumber(1), "widths")),
  /** Standard deviations of the weights. */
  stds: required(list(number("a number above 0", (std) => std > 0), "numbers")),
};

/** Options of `ratioMap`. */
export type RatioOptions = Of<typeof ratioChecks>;

/**
 * Computes the ratio of attention's importance to the MLP's by the closed form, for every width and standard deviation.
 *
 * @example
 * ```ts
 * import { openConfig, ratioMap } from "lamina/init";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * for (const { hidden, std, ratio } of ratioMap(named, { widths: [48, 96], stds: [0.02] })) console.log(hidden, std, ratio);
 * ```
 */
export function ratioMap(named: NamedConfig, ratios: RatioOptions): RatioPoint[] {
  expect("map ratios", "configuration", named, aConfig);
  expect("map ratios", "options", ratios, optionsOf(ratioChecks));
  const { widths, stds, ...options } = ratios;
  const at = (hidden: number, std: number) => ({ ...options, ...atWidth(named, hidden), std });
  return widths.flatMap((hidden) =>
    stds.map((std) => ({ hidden, std, ratio: moduleRatio(predictInit(named, at(hidden, std))) }))
  );
}
