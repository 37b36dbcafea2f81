/** A study of training in a few numbers by step. Layer 0 stands apart, as in the paper: it is many times larger than the others. */
import { eachOf, expect, oneOf, resultOf } from "core/entry/mod.ts";
import {
  drift,
  KINDS,
  mean,
  median,
  type ModuleKind,
  MODULES,
  rankStability,
  standardError,
} from "core/measure/mod.ts";
import type { CheckpointProfile, Checkpoints } from "./result.ts";
import { type Ends, endsOf, type Provenance, type Sign, tally } from "core/result/mod.ts";
import { riseSign, type Sweep } from "../sweep/mod.ts";
import { medianGapsOf, medianSign } from "../profile/mod.ts";
import { settingOf } from "core/show/words/names.ts";

/** One kind of module at one step; null where there is no value. */
export interface Trend {
  /** Training step. */
  readonly step: number;
  /** The kind of module. */
  readonly kind: ModuleKind;
  /** Importance of layer 0. */
  readonly first: number | null;
  /** Median importance of the layers from 1 up. */
  readonly median: number | null;
  /** The lowest importance of these layers. */
  readonly lowest: number | null;
  /** The highest importance of these layers. */
  readonly highest: number | null;
  /** Mean absolute change of importance since the previous step, layers from 1 up. */
  readonly drift: number | null;
  /** Rank correlation with the last step, layers from 1 up. */
  readonly withLast: number | null;
}

/** Provenance of a study of training: a series in place of a single checkpoint. */
export function seriesProvenance({ name, series: [{ provenance }] }: Checkpoints): Provenance {
  return { ...provenance, model: { ...provenance.model, name } };
}

/**
 * Returns the trend of one kind of module, by step.
 *
 * @example
 * ```ts
 * import { trendsOf } from "lamina/figures";
 * import { checkpoints, openSeries } from "lamina/series";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * for (const { step, median } of trendsOf(result, "attention")) console.log(step, median);
 * ```
 */
export function trendsOf(checkpoints: Checkpoints, kind: ModuleKind): Trend[] {
  expect("find trends", "result", checkpoints, resultOf("checkpoints"));
  expect("find trends", "kind", kind, oneOf(KINDS));
  const { series } = checkpoints;
  const deeper = (entry: CheckpointProfile) => entry[kind].importance.slice(1);
  return series.map((entry, i) => {
    const values = deeper(entry).filter((value) => value !== null);
    const [before, last] = [series[i - 1], series.at(-1)!];
    return {
      step: entry.step,
      kind,
      first: entry[kind].importance[0],
      median: median(values),
      lowest: values.length ? Math.min(...values) : null,
      highest: values.length ? Math.max(...values) : null,
      drift: before ? drift(deeper(before), deeper(entry)) : null,
      withLast: i < series.length - 1 ? rankStability(deeper(entry), deeper(last)) : null,
    };
  });
}

/** Attention's median importance as a multiple of the MLP's at each step that has both, and whether the samples tell them apart. */
export function medianRatios(checkpoints: Checkpoints) {
  const [attention, mlp] = MODULES.map((kind) => trendsOf(checkpoints, kind));
  return checkpoints.series.flatMap((entry, i) => {
    const [own, other] = [attention[i].median, mlp[i].median];
    return own && other ? [{ step: entry.step, ratio: own / other, sign: medianSign(entry) }] : [];
  });
}

/** At how many steps attention's median importance is below the MLP's, or above it. */
export const medianCounts = ({ series }: Checkpoints) =>
  tally(series.flatMap((step) => medianSign(step) ?? []));

/** Sweep points at one step, without half of the modules of each kind, the nats per token of the full model, and whether attention or the MLPs cost more. */
export type HalfDropped =
  & Record<ModuleKind, Sweep["curves"][number]["points"][number]>
  & Readonly<Record<"step" | "full", number>>
  & { readonly sign: Sign };

/**
 * Returns the quality by step, for the steps where it was measured.
 *
 * @example
 * ```ts
 * import { qualityBySteps } from "lamina/figures";
 * import { checkpoints, openSeries } from "lamina/series";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32, quality: "LICENSE" });
 * for (const { step, full, attention } of qualityBySteps(result)) console.log(step, full, attention.nll);
 * ```
 */
export function qualityBySteps(checkpoints: Checkpoints): HalfDropped[] {
  expect("list quality", "result", checkpoints, resultOf("checkpoints"));
  return checkpoints.series.flatMap(({ step, quality }) => {
    if (!quality) return [];
    const halves = eachOf(KINDS, (kind) => {
      const last = quality.curves.find(({ target }) => target === kind)?.points.at(-1);
      if (last) return last;
      throw new RangeError(
        `Cannot list quality: step ${step} has no curve of ${kind}, expected one with points`,
      );
    });
    const sign = riseSign(halves.attention, halves.mlp);
    return [{ step, full: quality.curves[0].points[0].nll, ...halves, sign }];
  });
}

/**
 * How far attention's median importance is above the MLP's at each step, with its 95 % interval, paired over the samples. Layer 0, and
 * steps where one of the two has no module, are left out.
 *
 * @example
 * ```ts
 * import { reading } from "lamina";
 * import { byInterval, medianGaps } from "lamina/figures";
 * import { checkpoints, openSeries } from "lamina/series";
 *
 * const series = await openSeries("data/series/pre-ln", { steps: [0, 64, 512] });
 * const result = await checkpoints(series, { text: "README.md", samples: 2, length: 32 });
 * const { below } = byInterval(medianGaps(result), (gap) => gap);
 * console.log(reading`Attention is the more redundant at steps ${below.map(({ step }) => step)}.`);
 * ```
 */
export function medianGaps(
  result: Checkpoints,
): ({ readonly step: number; readonly difference: number } & Ends)[] {
  expect("compare medians", "result", result, resultOf("checkpoints"));
  return result.series.flatMap((entry) => {
    const gaps = medianGapsOf(entry);
    if (!gaps?.length) return [];
    const difference = mean(gaps);
    return [{ step: entry.step, difference, ...endsOf(difference, standardError(gaps), gaps.length) }];
  });
}

/** The same of a series: its first step's, under the series' name. */
export const seriesText = (series: Checkpoints, ...more: readonly string[]): string =>
  settingOf(seriesProvenance(series), ...more);
