/**
 * How many samples importance needs (paper, figure on the calibration size): one profile over its first 1 … N samples.
 * Each size contains the smaller ones, so the last size agrees with itself by construction.
 */
import { inDropOrder, KINDS, type ModuleKind, MODULES } from "../../../measure/mod.ts";
import type { Profile } from "../../../result/mod.ts";
import { type Axis, formatPercent, linearAxis, logAxis, logDomain } from "../../chart/draw/axes.ts";
import { COLORS, lookOf } from "../../chart/draw/colors.ts";
import { counted, formatNumber, leastImportant, quarter, shared } from "../../chart/numbers.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { KIND_NAMES } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/** Importance of one module over the first samples. */
type Point = ReturnType<typeof pointsOf>[number];
/** The number of the full profile's least important modules that fewer samples also find. */
type Overlap = ReturnType<typeof overlapsOf>[number];

/**
 * Draws importance and its ranking against the number of calibration samples.
 *
 * @example
 * ```ts
 * import { profile } from "lamina";
 * import { stabilityFigure } from "lamina/figures";
 *
 * const result = await profile("data/series/pre-ln/step00512", { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = stabilityFigure(result);
 * ```
 */
export const stabilityFigure: Draw<[Profile]> = figure("stability", "profile", (profile) => {
  const points = MODULES.flatMap((kind) => pointsOf(profile, kind));
  const overlaps = KINDS.flatMap((kind) => overlapsOf(profile, kind));
  const first = overlaps.find(({ kind, samples }) => kind === "attention" && samples === 1);
  const { samples, length } = profile.provenance.packing;
  return {
    title: first && samples > 1
      ? `One sample finds ${first.found} of the ${first.of} attention modules that ${samples} samples rank lowest`
      : "Importance against the number of samples",
    subtitle: `Top: importance of each module over the first n samples of ${length} tokens. ` +
      `Bottom: share of the least important quarter over all ${counted(samples, "sample")} ` +
      "that the first n also find; of equal lines, the wider ones show behind the others.",
    reading: driftOf(points, samples),
    panels: [modulesChart(points, samples), overlapChart(overlaps, samples)],
    rows: points.map(({ kind, layer, samples, importance }) => ({
      module: KIND_NAMES[kind],
      layer,
      samples,
      importance,
      lowest_found: overlaps.find((overlap) => overlap.kind === kind && overlap.samples === samples)!.found,
    })),
  };
});

/** Means over the first 1 … N samples of every layer. */
function pointsOf(profile: Profile, kind: ModuleKind) {
  return profile.sums[kind].flatMap((samples, layer) => {
    let [distance, tokens] = [0, 0];
    return (samples ?? []).flatMap((sample, i) => {
      distance += sample.distance;
      tokens += sample.counted;
      return tokens > 0 ? [{ kind, layer, samples: i + 1, importance: distance / tokens }] : [];
    });
  });
}

function overlapsOf(profile: Profile, kind: ModuleKind) {
  const points = pointsOf(profile, kind);
  const n = quarter(new Set(points.map(({ layer }) => layer)).size);
  const target = leastImportant(profile, kind, n);
  const sizes = [...new Set(points.map(({ samples }) => samples))];
  return sizes.map((samples) => {
    const lowest = points.filter((point) => point.samples === samples)
      .map(({ layer, importance }) => ({ layer, score: importance })).sort(inDropOrder)
      .slice(0, n).map(({ layer }) => layer);
    return { kind, samples, found: shared(target, lowest), of: target.length };
  });
}

function driftOf(points: readonly Point[], samples: number): string {
  if (samples < 2) return "A single sample cannot show how stable importance is.";
  const half = Math.floor(samples / 2);
  const drifts = points.filter((point) => point.samples === samples).flatMap((last) => {
    const before = points.find(({ kind, layer, samples }) =>
      kind === last.kind && layer === last.layer && samples === half
    );
    return before && last.importance > 0 ? [Math.abs(before.importance / last.importance - 1)] : [];
  });
  return `From ${counted(half, "sample")} to ${samples}, no importance changes by more than ${
    formatNumber(100 * Math.max(0, ...drifts))
  } %.`;
}

/** A line for each module; the median one carries the name of its kind. */
function modulesChart(points: readonly Point[], samples: number): Panel {
  const positive = points.filter(({ importance }) => importance > 0);
  return {
    height: 360,
    x: samplesAxis(samples),
    y: logAxis(logDomain(positive.map(({ importance }) => importance)), "importance (log)"),
    series: MODULES.flatMap((kind) => {
      const own = positive.filter((point) => point.kind === kind);
      const ends = own.filter((point) => point.samples === samples)
        .sort((a, b) => a.importance - b.importance);
      const middle = ends[ends.length >> 1];
      return [
        ...[...Map.groupBy(own, ({ layer }) => layer).values()].map((line) => ({
          color: COLORS[kind],
          points: line.map(({ samples, importance }) => ({ x: samples, y: importance })),
          width: 1.2,
          opacity: 0.7,
        })),
        {
          ...lookOf(kind),
          points: ends.map(({ samples, layer, importance }) => ({
            x: samples,
            y: importance,
            says: `${KIND_NAMES[kind]}, layer ${layer}: ${formatNumber(importance)}`,
          })),
          width: 0,
          r: 2,
        },
        {
          color: COLORS[kind],
          points: middle ? [{ x: samples, y: middle.importance }] : [],
          width: 0,
          end: KIND_NAMES[kind],
        },
      ];
    }),
  };
}

function overlapChart(overlaps: readonly Overlap[], samples: number): Panel {
  return {
    height: 260,
    x: samplesAxis(samples),
    y: linearAxis([0, 1], "found", formatPercent),
    series: KINDS.map((kind, i) => ({
      ...lookOf(kind),
      width: 1.8 * (KINDS.length - i), // an equal line behind shows at both sides
      points: overlaps.filter((overlap) => overlap.kind === kind).map(({ samples, found, of }) => ({
        x: samples,
        y: found / of,
        says: `${KIND_NAMES[kind]}, ${counted(samples, "sample")}: ${found} of ${of}`,
      })),
      end: KIND_NAMES[kind],
    })),
  };
}

/** Powers of two, up to the number of samples. */
function samplesAxis(samples: number): Axis {
  return {
    type: "log",
    domain: [samples > 1 ? 1 : 0.5, Math.max(2, samples)],
    ticks: Array.from({ length: Math.floor(Math.log2(samples)) + 1 }, (_, i) => 2 ** i),
    label: "samples (log)",
  };
}
