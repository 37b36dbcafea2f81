/** The closed form over width and standard deviation, everything else in a configuration's proportions. */
import { moduleRatio, type RatioPoint } from "../measure/mod.ts";
import { readSpec } from "../models/mod.ts";
import type { NamedConfig } from "./configs.ts";
import { predictInit } from "./predict_init.ts";
import type { RandomInitOptions } from "./random_init.ts";

/** As many heads as keep the model's head size, or nearly; one at least. */
export function headsAt(named: NamedConfig, hidden: number): number {
  const attention = readSpec(named.config, named.name).layers[0].attention;
  return Math.max(1, Math.round(hidden / (attention?.headSize ?? hidden)));
}

/** Importance of attention over that of the MLP, for every width and standard deviation. */
export function ratioMap(
  named: NamedConfig,
  widths: readonly number[],
  stds: readonly number[],
  options: RandomInitOptions = {},
): RatioPoint[] {
  return widths.flatMap((hidden) =>
    stds.map((std) => {
      const predicted = predictInit(named, { ...options, hidden, std, heads: headsAt(named, hidden) });
      return { hidden, std, ratio: moduleRatio(predicted) };
    })
  );
}
