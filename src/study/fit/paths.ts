/**
 * Paths that a fit tries beside its drops: a layer that is kept runs once more, neighbours change places or stand side by side, two of them loop. A path
 * saves nothing by itself, and each further visit takes the time of a layer and keeps keys and values of its own: it may make a larger
 * drop bearable.
 */
import type { Path, Way } from "../../measure/mod.ts";
import { type Format, HOLDS } from "../../formats/mod.ts";
import type { Fit } from "../../result/mod.ts";
import { savingOf, type Searched, type Tried } from "./candidates.ts";
import type { Line } from "./lines.ts";
import { pathsBy } from "../sweep/ways.ts";

/** The shortest windows of each way: longer ones change more, and there are more of them to try. */
const SIZES = { longest: 1, windows: [2], times: [2] };

export function pathsThrough(layers: number, wanted: readonly Way[]): Path[] {
  return pathsBy(wanted, layers, SIZES).map(({ path }) => path);
}

/** Throws `RangeError` where files of a format cannot hold a path of the ways that options name. */
export function expectHolds(options: object): void {
  const { paths, format } = options as { readonly paths?: unknown; readonly format?: unknown };
  if (!Array.isArray(paths) || !((format as Format) in HOLDS)) return; // what they are is checked where options are
  const held = HOLDS[format as Format];
  const wrong = paths.find((way) => !held.includes(way));
  if (wrong === undefined) return;
  const others = held.length > 0
    ? `\`paths\` of ${held.join(", ")}, or another \`format\``
    : "another `format`";
  throw new RangeError(
    `Cannot fit: a file in format ${format} cannot hold a path of the way ${wrong}, expected ${others}`,
  );
}

/**
 * The line of the best plan, or of the cheapest where none keeps the promise, on each path: from the number of drops on at which the plan
 * on the path saves more than that one.
 */
export function onPathsOf(
  { all, straight, paths, saving }: {
    /** Lines without a path, `straight` of them, and behind them the same on each of `paths`. */
    readonly all: readonly Line[];
    readonly straight: number;
    readonly paths: readonly Path[];
    readonly saving: Fit["saving"];
  },
  best: Tried | null,
  tried: readonly Tried[],
): Searched[] {
  const [from] = best ? [best] : tried.toSorted((a, b) => a.cost.value - b.cost.value);
  if (!from) return [];
  const least = best ? savingOf(best.candidate, saving) : 0;
  return paths.flatMap((_, p) => {
    const line = (1 + p) * straight + from.candidate.line;
    const { most, planOf } = all[line];
    let begin = best ? best.candidate.dropped : 0;
    while (begin < most && savingOf({ plan: planOf(begin + 1) }, saving) <= least) begin++;
    return begin < most ? [{ line, begin, most }] : [];
  });
}
