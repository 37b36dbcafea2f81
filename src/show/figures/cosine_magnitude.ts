/**
 * Importance against relative magnitude (paper, claim C9: cosine similarity captures magnitude implicitly).
 *
 * cos(X, X + u) = (1 + r s) / √(1 + r² + 2 r s) with r = |u| / |X| and s = cos(u, X). For s = 0, an update orthogonal to the
 * stream, importance is 1 − 1/√(1 + r²): magnitude alone. To first order in s the angle adds −s r³/(1 + r²)^(3/2), for a small
 * update a fraction −2 s r of its importance: updates along the stream lie below the curve, those against it above. Both axes
 * are means over tokens, so a size that varies between tokens also moves a dot.
 */
import { expect, resultOf } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import { correlates, importanceOf, type LayerModule, MODULES, spearman } from "../../measure/mod.ts";
import type { Profile } from "../../result/mod.ts";
import { AXIS_X, COLORS, FRAME, logAxisY, logDomain, logTicks } from "../chart/axes.ts";
import { around, type Place, placed } from "../chart/labels.ts";
import { dots, keyOf, SHAPES } from "../chart/marks.ts";
import { formatFixed, formatNumber, formatTick, rankText } from "../chart/numbers.ts";
import { KIND_NAMES, settingOf } from "../chart/setting.ts";
import { median } from "../chart/summary.ts";
import { drawFigure, FAINT, type Figure } from "../chart/svg.ts";

/** Spearman's correlation of importance with relative magnitude over some modules; null where it is undefined. */
export function magnitudeCorrelation(
  profile: Profile,
  kinds: readonly (LayerModule)[] = ["attention", "mlp"],
): { readonly rank: number; readonly modules: number } | null {
  const modules = modulesOf(profile).filter(({ kind }) => kinds.includes(kind));
  const rank = spearman(
    modules.map(({ magnitude }) => magnitude),
    modules.map(({ importance }) => importance),
  );
  return modules.length > 2 && Number.isFinite(rank) ? { rank, modules: modules.length } : null;
}

/** One module. */
interface Module {
  readonly kind: LayerModule;
  readonly layer: number;
  readonly magnitude: number;
  readonly importance: number;
}

/**
 * Draws how much of importance is magnitude, and how much is angle.
 *
 * @example
 * ```ts
 * import { cosineMagnitudeFigure, openSeries, profile } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await profile(model, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = cosineMagnitudeFigure(result);
 * model.close();
 * ```
 */
export function cosineMagnitudeFigure(profile: Profile): Figure {
  expect("draw", "profile", profile, resultOf("profile"));
  const modules = modulesOf(profile);
  const correlation = magnitudeCorrelation(profile);
  return drawFigure({
    name: "cosine_magnitude",
    title: titleOf(correlation),
    subtitle:
      "One mark per module, numbered by layer where space allows. The curve, 1 − 1/√(1 + r²), shows updates " +
      "orthogonal to the stream: their importance depends on magnitude alone.",
    setting: settingOf(profile.provenance),
    reading: readingOf(profile, modules),
    panels: [chart(modules)],
    rows: modules.map(({ kind, layer, magnitude, importance }) => ({
      module: KIND_NAMES[kind],
      layer,
      relative_magnitude: magnitude,
      importance,
      orthogonal_importance: importanceOf(magnitude, 0),
    })),
  });
}

/** A direction only where the interval of the correlation over all modules excludes 0. */
function titleOf(correlation: ReturnType<typeof magnitudeCorrelation>): string {
  if (correlation === null) return "Importance depends on magnitude and angle";
  const { rank, modules } = correlation;
  const told = `rank correlation ${rankText(rank, modules)}`;
  if (!correlates(rank, modules)) return `Cannot tell whether importance rises with magnitude: ${told}`;
  return `Importance ${rank > 0 ? "rises" : "falls"} with magnitude: ${told}`;
}

function readingOf(profile: Profile, modules: readonly Module[]): string {
  const within = MODULES.flatMap((kind) => {
    const found = magnitudeCorrelation(profile, [kind]);
    return found === null ? [] : [`${rankText(found.rank, found.modules)} within ${KIND_NAMES[kind]}`];
  });
  const ratios = modules.map(({ importance, magnitude }) => importance / importanceOf(magnitude, 0));
  const middle = median(ratios);
  if (middle === null) return "No module was measured.";
  const near = ratios.filter((ratio) => Math.abs(ratio - 1) <= 0.1).length;
  return [
    ...within.length ? [`Rank correlation of importance with magnitude: ${within.join(", ")}.`] : [],
    `${near} of ${ratios.length} modules lie within 10 % of the curve; the median module is at ${
      formatFixed(middle, 2)
    } times the curve’s value.`,
    "Updates off the curve point along the stream (below) or against it (above), or vary widely in size " +
    "between tokens.",
  ].join(" ");
}

function modulesOf(profile: Profile): Module[] {
  return MODULES.flatMap((kind) =>
    profile[kind].importance.flatMap((importance, layer) => {
      const magnitude = profile[kind].relativeMagnitude[layer];
      return importance && magnitude && importance > 0 ? [{ kind, layer, magnitude, importance }] : [];
    })
  );
}

function chart(modules: readonly Module[]): Plot.PlotOptions {
  const x = { type: "log", domain: logDomain(modules.map(({ magnitude }) => magnitude)) } as const;
  const curve = Array.from({ length: 101 }, (_, i) => {
    const r = x.domain[0] * (x.domain[1] / x.domain[0]) ** (i / 100);
    return { r, importance: importanceOf(r, 0) };
  });
  const y = {
    type: "log",
    domain: logDomain([
      ...modules.map(({ importance }) => importance),
      ...curve.map(({ importance }) => importance),
    ]),
  } as const;
  const frame = { ...FRAME, height: 460, marginRight: 24 };
  const ticks = logTicks(x.domain);
  return {
    ...frame,
    x,
    y,
    marks: [
      ...logAxisY(y.domain, "importance (log)"),
      Plot.gridX(ticks, { stroke: "#d0d7de", strokeOpacity: 1 }),
      Plot.axisX(ticks, { ...AXIS_X, tickSize: 0, text: formatTick, label: "relative magnitude r (log)" }),
      Plot.line(curve, { x: "r", y: "importance", stroke: FAINT, strokeWidth: 2 }),
      ...MODULES.map((kind) =>
        dots(modules.filter((module) => module.kind === kind), {
          x: "magnitude",
          y: "importance",
          color: COLORS[kind],
          shape: SHAPES[kind],
          title: ({ layer, magnitude, importance }) =>
            `${KIND_NAMES[kind]}, layer ${layer}: r ${formatNumber(magnitude)}, importance ${
              formatNumber(importance)
            }`,
          r: 5,
          opacity: 0.8,
        })
      ),
      ...labels(modules, curve, x, y, frame),
      ...kindLabels(modules),
    ],
  };
}

type Frame = Record<"width" | "height" | "marginLeft" | "marginRight" | "marginTop" | "marginBottom", number>;

/** The curve's name, and layer numbers next to the dots that have room for one, the outermost first. */
function labels(
  modules: readonly Module[],
  curve: readonly { readonly r: number; readonly importance: number }[],
  x: Plot.ScaleOptions,
  y: Plot.ScaleOptions,
  { width, height, marginLeft, marginRight, marginTop, marginBottom }: Frame,
): Plot.Markish[] {
  const scaleX = Plot.scale({ x: { ...x, range: [marginLeft, width - marginRight] } })!;
  const scaleY = Plot.scale({ y: { ...y, range: [height - marginBottom, marginTop] } })!;
  const at = (magnitude: number, importance: number) => ({
    x: scaleX.apply(magnitude) as number,
    y: scaleY.apply(importance) as number,
  });
  const frame = {
    left: marginLeft + 2,
    right: width - marginRight,
    top: marginTop,
    bottom: height - marginBottom,
  };
  const key = { left: marginLeft, right: marginLeft + 130, top: marginTop, bottom: marginTop + 52 };
  const dotted = modules.map(({ magnitude, importance }) => ({ magnitude, importance }));
  const lined = curve.map(({ r, importance }) => ({ magnitude: r, importance }));
  const boxes = (points: typeof dotted, half: number) =>
    points.map(({ magnitude, importance }) => {
      const { x, y } = at(magnitude, importance);
      return around(x, y, half);
    });
  const taken = [key, ...boxes(dotted, 6), ...boxes(lined, 2)];
  const free = [85, 75, 65, 50, 35, 20].flatMap((i) => {
    const point = {
      magnitude: lined[i].magnitude,
      importance: lined[i].importance,
      text: "orthogonal update",
    };
    const [place] = placed([{ ...at(point.magnitude, point.importance), text: point.text }], {
      frame,
      taken,
      size: 16,
      gap: 10,
    });
    return place ? [{ point, place }] : [];
  })[0];
  const outermost = modules.toSorted((a, b) => b.importance - a.importance);
  const places = placed(
    outermost.map(({ magnitude, importance, layer }) => ({
      ...at(magnitude, importance),
      text: String(layer),
    })),
    { frame, taken: [...taken, ...free ? [free.place] : []], size: 14, gap: 8 },
  );
  const write = (point: object, { dx, dy, textAnchor }: Place, options: Plot.TextOptions) =>
    Plot.text([point], { x: "magnitude", y: "importance", dx, dy, textAnchor, ...options });
  return [
    ...free ? [write(free.point, free.place, { text: () => free.point.text, fill: FAINT })] : [],
    ...outermost.flatMap((module, i) => {
      const place = places[i];
      return place
        ? [
          write(module, place, { text: () => String(module.layer), fill: COLORS[module.kind], fontSize: 14 }),
        ]
        : [];
    }),
  ];
}

/** The names of the kinds, in the empty corner above the curve. */
function kindLabels(modules: readonly Module[]): Plot.Markish[] {
  return MODULES.filter((kind) => modules.some((module) => module.kind === kind))
    .map((kind, i) =>
      Plot.text([kind], {
        frameAnchor: "top-left",
        text: () => keyOf(kind, KIND_NAMES[kind]),
        fill: COLORS[kind],
        fontWeight: 600,
        dx: 12,
        dy: 12 + 22 * i,
      })
    );
}
