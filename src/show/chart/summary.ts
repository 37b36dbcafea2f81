/** Small summaries used in titles and readings. */
import type { ModuleKind } from "../../measure/mod.ts";
import { expect, like } from "../../entry/mod.ts";
import type { Profile } from "../../result/mod.ts";
import { byImportance } from "./setting.ts";

/** The values that are not null. */
export function present(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

const numbers = like(
  "a list of numbers",
  (values) => Array.isArray(values) && values.every((value) => value === null || typeof value === "number"),
);

/**
 * The median of the values that are not null; null where there is no such value.
 *
 * @example
 * ```ts
 * import { median } from "lamina/figures";
 *
 * console.log(median([0.2, null, 0.1, 0.6])); // 0.2
 * ```
 */
export function median(values: readonly (number | null)[]): number | null {
  expect("take the median", "values", values, numbers);
  const sorted = present(values).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** How many modules the figures call "least important": a quarter of them, at least one. */
export function quarter(layers: number): number {
  return Math.max(1, Math.floor(layers / 4));
}

/** The layers of the n least important modules of a kind. */
export function leastImportant(profile: Profile, kind: ModuleKind, n: number): number[] {
  return byImportance(profile, kind).slice(0, n).map(({ layer }) => layer);
}

/** How many entries two lists share. */
export function shared(a: readonly number[], b: readonly number[]): number {
  return a.filter((entry) => b.includes(entry)).length;
}

/** A name that fits: its beginning and an ellipsis. */
export function shortened(name: string, most: number): string {
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

/** "1 sample", "8 samples". */
export function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
