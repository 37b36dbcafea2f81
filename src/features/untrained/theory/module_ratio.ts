/**
 * Which of the two modules turns the stream further in an untrained model, as one number, and over width and standard
 * deviation as a map.
 *
 * Layers 0 and 1 stay out: there the stream is still mostly an embedding that is far smaller than the first updates.
 */
import { type LayerModule, mean } from "core/measure/mod.ts";

export const FIRST_LAYER = 2;

/** Geometric mean of importances from `FIRST_LAYER` on; NaN where there are none. */
export function typical(importances: readonly (number | null)[]): number {
  const logs = importances.slice(FIRST_LAYER).flatMap((value) => value === null ? [] : [Math.log(value)]);
  return Math.exp(mean(logs));
}

/** Ratio of attention's importance to the MLP's; above 1, attention turns the stream further. */
export function moduleRatio({ attention, mlp }: Record<LayerModule, readonly (number | null)[]>): number {
  return typical(attention) / typical(mlp);
}

/** A model on the map that `ratioMap` computes. */
export interface RatioPoint {
  /** Width of the stream, D. */
  readonly hidden: number;
  /** Standard deviation of the weights. */
  readonly std: number;
  /** Ratio of attention's importance to the MLP's. */
  readonly ratio: number;
}

/** The standard deviation at which both modules are equally important, by width; a width without a crossover has none. */
export function crossing(points: readonly RatioPoint[]): { hidden: number; std: number }[] {
  return [...Map.groupBy(points, ({ hidden }) => hidden)].flatMap(([hidden, column]) => {
    const sorted = column.toSorted((a, b) => a.std - b.std);
    const i = sorted.findIndex(({ ratio }, i) => i > 0 && ratio <= 1 && sorted[i - 1].ratio > 1);
    if (i < 0) return [];
    const [below, above] = [sorted[i - 1], sorted[i]];
    const share = Math.log(below.ratio) / Math.log(below.ratio / above.ratio);
    return [{ hidden, std: below.std * (above.std / below.std) ** share }];
  }).sort((a, b) => a.hidden - b.hidden);
}
