/** The paths that a map tries: windows of layers twice, neighbours in another order or side by side, and damped loops. */
import { type Path, type Way, WAYS } from "../../measure/mod.ts";
import type { Paths } from "../../result/mod.ts";
import { batchSize, DEFAULT_BUDGET, type DropPlan } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import type { Text } from "../base/text.ts";

/** The share of the single visit in a loop (arXiv 2605.23872). */
const ONCE = 0.5;

/** A path to try, and how it came about. */
type Tried = Pick<Paths["paths"][number], "way" | "first" | "last" | "times"> & {
  readonly path: Path;
};
/** How long windows are, and how often loops run. */
interface Sizes {
  readonly longest: number;
  readonly windows: readonly number[];
  readonly times: readonly number[];
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Steps in the place of layers [first, last]. */
const around = (layers: number, first: number, last: number, steps: Path): Path => [
  ...range(0, first),
  ...steps,
  ...range(last + 1, layers),
];

const windowsIn = (layers: number, size: number) =>
  range(0, layers - size + 1).map((first) => [first, first + size - 1] as const);

/** Lists the paths of each way through that many layers. */
const ways: Readonly<Record<Way, (layers: number, sizes: Sizes) => Omit<Tried, "way">[]>> = {
  repeat: (layers, { longest }) =>
    range(1, Math.min(longest, layers) + 1).flatMap((size) =>
      windowsIn(layers, size).map(([first, last]) => {
        const window = range(first, last + 1);
        return { first, last, times: 2, path: around(layers, first, last, [...window, ...window]) };
      })
    ),
  swap: (layers) =>
    windowsIn(layers, 2).map(([first, last]) => (
      { first, last, times: 1, path: around(layers, first, last, [last, first]) }
    )),
  beside: (layers) =>
    windowsIn(layers, 2).map(([first, last]) => (
      { first, last, times: 1, path: around(layers, first, last, [{ beside: [first, last] }]) }
    )),
  loop: (layers, { windows, times }) =>
    windows.flatMap((size) => windowsIn(layers, size)).flatMap(([first, last]) =>
      times.map((times) => (
        {
          first,
          last,
          times,
          path: around(layers, first, last, [{ loop: [first, last], times, once: ONCE }]),
        }
      ))
    ),
};

/** Lists the paths of several ways. */
export function pathsBy(wanted: readonly Way[], layers: number, sizes: Sizes): Tried[] {
  return WAYS.filter((way) => wanted.includes(way)).flatMap((way) =>
    ways[way](layers, sizes).map((own) => ({ way, ...own }))
  );
}

/** Tokens of one batch of samples. */
export const batchTokens = ({ samples, length }: Text["sizes"]): number =>
  Math.min(samples, batchSize(length)) * length;

/** Plans in groups, one at least: as many in a run as fit the memory for states with one batch of so many tokens. */
export function plansInGroups(
  { spec: { hidden } }: StudyModel,
  plans: readonly DropPlan[],
  tokens: number,
): DropPlan[][] {
  if (plans.length === 0) return [[]];
  const size = Math.max(1, Math.floor(DEFAULT_BUDGET / (4 * tokens * hidden)));
  return Array.from(
    { length: Math.ceil(plans.length / size) },
    (_, g) => plans.slice(g * size, (g + 1) * size),
  );
}
