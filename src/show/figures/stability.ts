/**
 * How many samples importance needs (paper, figure on the calibration size): one profile over its first 1 … N samples.
 * Each size contains the smaller ones, so the last size agrees with itself by construction.
 */
import { inDropOrder, KINDS, type ModuleKind, MODULES } from "../../measure/mod.ts";
import { expect, resultOf } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import type { Profile } from "../../result/mod.ts";
import { AXIS_X, COLORS, endLabels, FRAME, linearAxisY, logAxisY, logDomain } from "../chart/axes.ts";
import { dots, SHAPES } from "../chart/marks.ts";
import { formatNumber } from "../chart/numbers.ts";
import { KIND_NAMES, settingOf } from "../chart/setting.ts";
import { counted, leastImportant, quarter, shared } from "../chart/summary.ts";
import { drawFigure, type Figure } from "../chart/svg.ts";

/** Units between equal lines. */
const BESIDE = 4;

/** Importance of one module over the first samples. */
interface Point {
  readonly kind: ModuleKind;
  readonly layer: number;
  readonly samples: number;
  readonly importance: number;
}

/** Share of the full profile's least important modules that fewer samples also find. */
interface Overlap {
  readonly kind: ModuleKind;
  readonly samples: number;
  readonly found: number;
  readonly of: number;
}

/**
 * Draws importance and its ranking against the number of calibration samples.
 *
 * @example
 * ```ts
 * import { openSeries, profile, stabilityFigure } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = stabilityFigure(result);
 * model.close();
 * ```
 */
export function stabilityFigure(profile: Profile): Figure {
  expect("draw", "profile", profile, resultOf("profile"));
  const points = MODULES.flatMap((kind) => pointsOf(profile, kind));
  const overlaps = KINDS.flatMap((kind) => overlapsOf(profile, kind));
  const first = overlaps.find(({ kind, samples }) => kind === "attention" && samples === 1);
  const { samples, length } = profile.provenance.packing;
  return drawFigure({
    name: "stability",
    title: first && samples > 1
      ? `One sample finds ${first.found} of the ${first.of} attention modules that ${samples} samples rank lowest`
      : "Importance against the number of samples",
    subtitle: `Top: importance of each module over the first n samples of ${length} tokens. ` +
      `Bottom: share of the least important quarter over all ${
        counted(samples, "sample")
      } that the first n also find; equal lines are drawn side by side.`,
    setting: settingOf(profile.provenance),
    reading: driftOf(points, samples),
    panels: [modulesChart(points, samples), overlapChart(overlaps, samples)],
    rows: points.map(({ kind, layer, samples, importance }) => ({
      module: KIND_NAMES[kind],
      layer,
      samples,
      importance,
      lowest_found: overlaps.find((overlap) => overlap.kind === kind && overlap.samples === samples)!.found,
    })),
  });
}

/** Means over the first 1 … N samples of every layer. */
function pointsOf(profile: Profile, kind: ModuleKind): Point[] {
  return profile.sums[kind].flatMap((samples, layer) => {
    let [distance, tokens] = [0, 0];
    return (samples ?? []).flatMap((sample, i) => {
      distance += sample.distance;
      tokens += sample.counted;
      return tokens > 0 ? [{ kind, layer, samples: i + 1, importance: distance / tokens }] : [];
    });
  });
}

function overlapsOf(profile: Profile, kind: ModuleKind): Overlap[] {
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

function modulesChart(points: readonly Point[], samples: number): Plot.PlotOptions {
  const positive = points.filter(({ importance }) => importance > 0);
  const domain = logDomain(positive.map(({ importance }) => importance));
  const frame = { ...FRAME, height: 360 };
  const y = { type: "log", domain } as const;
  const color = ({ kind }: Point) => COLORS[kind];
  const groups = MODULES.flatMap((kind) => {
    const last = positive.filter((point) => point.kind === kind && point.samples === samples);
    if (last.length === 0) return [];
    const middle = last.toSorted((a, b) => a.importance - b.importance)[last.length >> 1];
    return [{ x: samples, y: middle.importance, text: KIND_NAMES[kind], color: COLORS[kind] }];
  });
  return {
    ...frame,
    x: samplesScale(samples),
    y,
    marks: [
      ...logAxisY(domain, "importance (log)"),
      samplesAxis(samples),
      Plot.line(positive, {
        x: "samples",
        y: "importance",
        z: ({ kind, layer }: Point) => `${kind} ${layer}`,
        stroke: color,
        strokeWidth: 1.2,
        strokeOpacity: 0.7,
      }),
      ...KINDS.map((kind) =>
        dots(positive.filter((point) => point.samples === samples && point.kind === kind), {
          x: "samples",
          y: "importance",
          color: COLORS[kind],
          shape: SHAPES[kind],
          title: ({ layer, importance }) =>
            `${KIND_NAMES[kind]}, layer ${layer}: ${formatNumber(importance)}`,
          r: 2,
        })
      ),
      ...endLabels(groups, { ...frame, y }),
    ],
  };
}

function overlapChart(overlaps: readonly Overlap[], samples: number): Plot.PlotOptions {
  const frame = { ...FRAME, height: 260 };
  const y = { type: "linear", domain: [0, 1] } as const;
  const share = ({ found, of }: Overlap) => found / of;
  return {
    ...frame,
    x: samplesScale(samples),
    y: { ...y, domain: [0, 1] },
    marks: [
      ...linearAxisY("found", (value) => `${Math.round(value * 100)} %`),
      samplesAxis(samples),
      ...KINDS.flatMap((kind, i) => {
        const own = overlaps.filter((overlap) => overlap.kind === kind);
        const dy = BESIDE * (i - 1);
        return [
          Plot.line(own, { x: "samples", y: share, stroke: COLORS[kind], strokeWidth: 2, dy }),
          dots(own, {
            x: "samples",
            y: share,
            color: COLORS[kind],
            shape: SHAPES[kind],
            title: ({ samples, found, of }) =>
              `${KIND_NAMES[kind]}, ${counted(samples, "sample")}: ${found} of ${of}`,
            dy,
          }),
        ];
      }),
      ...endLabels(
        overlaps.filter((overlap) => overlap.samples === samples).map((overlap) => ({
          x: samples,
          y: share(overlap),
          text: KIND_NAMES[overlap.kind],
          color: COLORS[overlap.kind],
        })),
        { ...frame, y: { ...y, domain: [0, 1] } },
      ),
    ],
  };
}

/** Powers of two, up to the number of samples. */
function samplesScale(samples: number) {
  return { type: "log", base: 2, domain: [samples > 1 ? 1 : 0.5, Math.max(2, samples)] } as const;
}

function samplesAxis(samples: number): Plot.Markish {
  const doublings = Array.from({ length: Math.floor(Math.log2(samples)) + 1 }, (_, i) => 2 ** i);
  return Plot.axisX(doublings, { ...AXIS_X, text: String, label: "samples (log)" });
}
