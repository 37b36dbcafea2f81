import { inDropOrder, KINDS, type ModuleKind, MODULES } from "core/measure/mod.ts";
import { byImportance, quarter } from "../signs.ts";
import type { Profile } from "../result.ts";
import { type Axis, formatPercent, linearAxis, logAxis, logDomain } from "core/show/chart/draw/axes.ts";
import { lookOfKind } from "core/show/chart/draw/colors.ts";
import type { Panel } from "core/show/chart/draw/panel.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { counted, KIND_NAMES, reading } from "core/show/words/mod.ts";

type Point = ReturnType<typeof pointsOf>[number];
/** The number of the full profile's least important modules that fewer samples also find. */
type Overlap = ReturnType<typeof overlapsOf>[number];

/**
 * Draws importance and its ranking over the first 1 … N samples (paper, figure on the calibration size). Each size contains the smaller
 * ones, so the last size agrees with itself by construction.
 */
export const stabilityFigure: Draw<[Profile]> = figure("stability", "profile", (profile) => {
  const points = MODULES.flatMap((kind) => pointsOf(profile, kind));
  const overlaps = KINDS.flatMap((kind) => overlapsOf(profile, kind));
  const first = overlaps.find(({ module, samples }) => module === "attention" && samples === 1);
  const { samples, length } = profile.provenance.packing;
  return {
    rows: points.map((point) => ({
      ...point,
      lowest_found: overlaps.find(({ module, samples }) =>
        module === point.module && samples === point.samples
      )!.found,
    })),
    title: {
      topic: "Importance against the number of samples",
      found: first && samples > 1 &&
        `One sample finds ${first.found} of the ${first.of} attention modules that ${samples} samples rank lowest`,
    },
    shows: [
      `Top: importance of each module over the first n samples of ${length} tokens.`,
      reading`Bottom: share of the least important quarter over all ${counted(samples, "sample")} that the
        first n also find;`,
      "equal lines lie behind each other, the widest at the back.",
    ],
    reads: [drift(points, samples)],
    panels: [modulesChart(points, samples), overlapChart(overlaps, samples)],
  };
});

/** Means over the first 1 … N samples of every layer. */
function pointsOf(profile: Profile, module: ModuleKind) {
  return profile.sums[module].flatMap((samples, layer) => {
    let [distance, tokens] = [0, 0];
    return (samples ?? []).flatMap((sample, i) => {
      distance += sample.distance;
      tokens += sample.counted;
      return tokens > 0 ? [{ module, layer, samples: i + 1, importance: distance / tokens }] : [];
    });
  });
}

function overlapsOf(profile: Profile, module: ModuleKind) {
  const points = pointsOf(profile, module);
  const n = quarter(new Set(points.map(({ layer }) => layer)).size);
  const target = byImportance(profile, module).slice(0, n).map(({ layer }) => layer);
  return [...Map.groupBy(points, ({ samples }) => samples)].map(([samples, own]) => {
    const lowest = own.map(({ layer, importance }) => ({ layer, score: importance })).sort(inDropOrder)
      .slice(0, n).map(({ layer }) => layer);
    return {
      module,
      samples,
      found: target.filter((layer) => lowest.includes(layer)).length,
      of: target.length,
    };
  });
}

function drift(points: readonly Point[], samples: number): string {
  if (samples < 2) return "A single sample cannot show how stable importance is.";
  const half = Math.floor(samples / 2);
  const drifts = points.filter((point) => point.samples === samples).flatMap((last) => {
    const before = points.find(({ module, layer, samples }) =>
      module === last.module && layer === last.layer && samples === half
    );
    return before && last.importance > 0 ? [Math.abs(before.importance / last.importance - 1)] : [];
  });
  const most = { measured: 100 * Math.max(0, ...drifts) };
  return reading`From ${counted(half, "sample")} to ${samples}, no importance changes by more than
    ${most} %.`;
}

/** A line for each module; the median one carries the name of its kind. */
function modulesChart(points: readonly Point[], samples: number): Panel {
  const positive = points.filter(({ importance }) => importance > 0);
  return {
    height: 360,
    x: samplesAxis(samples),
    y: logAxis(logDomain(positive.map(({ importance }) => importance)), "importance (log)"),
    series: MODULES.flatMap((kind) => {
      const own = positive.filter(({ module }) => module === kind);
      const ends = own.filter((point) => point.samples === samples)
        .sort((a, b) => a.importance - b.importance);
      const middle = ends.slice(ends.length >> 1, 1 + (ends.length >> 1));
      const [name, look] = [KIND_NAMES[kind], lookOfKind(kind)];
      const at = ({ samples: x, importance: y }: Point) => ({ x, y });
      const says = ({ layer, importance }: Point) =>
        reading`${name}, layer ${layer}: ${{ measured: importance }}`;
      return [
        ...[...Map.groupBy(own, ({ layer }) => layer).values()].map((line) => (
          { color: look.color, points: line.map(at), width: 1 }
        )),
        { ...look, points: ends.map((point) => ({ ...at(point), says: says(point) })), width: 0, r: 2 },
        { color: look.color, points: middle.map(at), width: 0, end: name },
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
      ...lookOfKind(kind),
      width: 1.8 * (KINDS.length - i), // an equal line behind shows at both sides
      points: overlaps.filter(({ module }) => module === kind).map(({ samples, found, of }) => ({
        x: samples,
        y: found / of,
        says: `${KIND_NAMES[kind]}, ${counted(samples, "sample")}: ${found} of ${of}`,
      })),
      end: KIND_NAMES[kind],
    })),
  };
}

function samplesAxis(samples: number): Axis {
  return {
    type: "log",
    domain: [samples > 1 ? 1 : 0.5, Math.max(2, samples)],
    ticks: Array.from({ length: Math.floor(Math.log2(samples)) + 1 }, (_, i) => 2 ** i),
    label: "samples (log)",
  };
}
