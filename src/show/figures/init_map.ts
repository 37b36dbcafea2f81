/**
 * Where attention is the less important module of an untrained model (paper, claim C4), and where the MLP is: the ratio of
 * their importances over width and standard deviation, by the closed form, with the line on which they are equal.
 * Models that were run are shown as points, each with its measured and computed ratio.
 */
import { expect, like, list } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import { crossing, moduleRatio, type RatioPoint } from "../../measure/mod.ts";
import { AXIS_X, AXIS_Y, FRAME } from "../chart/axes.ts";
import { type InitModel, measuredRatio, PLACES, settingOfModels } from "../chart/init_model.ts";
import { around, placed } from "../chart/labels.ts";
import { formatFixed, formatNumber, formatTick } from "../chart/numbers.ts";
import { median } from "../chart/summary.ts";
import { drawFigure, FAINT, type Figure, INK, ON_SHADE, WIDTH } from "../chart/svg.ts";

/** The map of one norm placement, and the measured models with that placement. */
export interface RatioMap {
  /** The norm placement. */
  readonly norm: InitModel["measured"]["shape"]["norm"];
  /** Points on a grid of widths and standard deviations. */
  readonly points: readonly RatioPoint[];
  /** Models that were measured, drawn as marks. */
  readonly models: readonly InitModel[];
}

/** Edges of the colours, and the colours from the MLP's to attention's. */
const EDGES = [1 / 30, 1 / 10, 1 / 3, 1, 3, 10, 30];
const SHADES = ["#a63603", "#d9662b", "#f2a477", "#fbe3d6", "#dce8fb", "#94b8f2", "#4a85e0", "#1f4fa8"];
const shade = (ratio: number) => SHADES[EDGES.filter((edge) => ratio > edge).length];

const aMap = like(
  "a map: { norm, points, models }",
  (value) => {
    const { norm, points, models } = (value ?? {}) as Partial<RatioMap>;
    return Object.hasOwn(PLACES, norm ?? "") && Array.isArray(points) && Array.isArray(models);
  },
);

/**
 * Draws the ratio of attention's importance to the MLP's in untrained models as maps, the first one large. Throws `RangeError` if no map or no model is given.
 *
 * @example
 * ```ts
 * import { initMapFigure, initModel, openConfig, ratioMap } from "lamina";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const model = await initModel(named, { samples: 1, length: 32 });
 * const points = ratioMap(named, [48, 96, 192], [0.01, 0.02, 0.04, 0.08]);
 * const { svg } = initMapFigure([{ norm: "pre", points, models: [model] }]);
 * ```
 */
export function initMapFigure(maps: readonly RatioMap[]): Figure {
  expect("draw", "maps", maps, list(aMap, "maps", 1));
  const models = maps.flatMap(({ models }) => models);
  if (models.length === 0) throw new RangeError("Cannot draw a map: found no model, expected at least one");
  return drawFigure({
    name: "init_map",
    title: titleOf(maps[0]),
    subtitle:
      "Ratio of attention's importance to the MLP's in untrained models, by width D and standard deviation σ of the " +
      "weights (both log; geometric mean from layer 2 up). Colours and lines: closed form. Dots: measured models, " +
      "as measured / computed.",
    setting: settingOfModels(models),
    reading: readingOf(maps),
    panels: [
      ...maps.map((map, i) => i === 0 ? chart(map, WIDTH, 440) : chart(map, WIDTH / 2, 250)),
      legend(),
    ],
    rows: maps.flatMap(({ norm, points, models }) => [
      ...points.map(({ hidden, std, ratio }) => ({ norm, hidden, std, computed: ratio, measured: null })),
      ...models.map((model) => ({ norm, ...placeOf(model) })),
    ]),
  });
}

/** Where a model lies, with its computed and measured ratio. */
function placeOf(model: InitModel) {
  const { measured: { shape, initialiser }, predicted } = model;
  return {
    hidden: shape.hidden,
    std: initialiser.std,
    computed: moduleRatio(predicted),
    measured: measuredRatio(model),
  };
}

/** σ √D along the line on which both modules are equally important: lowest and highest. */
function border(points: readonly RatioPoint[]): [low: number, high: number] | null {
  const products = crossing(points).map(({ hidden, std }) => std * Math.sqrt(hidden));
  return products.length === 0 ? null : [Math.min(...products), Math.max(...products)];
}

function titleOf({ norm, points }: RatioMap): string {
  const found = border(points);
  if (!found) return `${PLACES[norm]}: the same module is more important everywhere`;
  return `${PLACES[norm]}: attention is more redundant than the MLP only above σ√D = ${
    formatFixed((found[0] + found[1]) / 2, 1)
  }`;
}

function readingOf(maps: readonly RatioMap[]): string {
  return maps.map(({ norm, points }) => {
    const found = border(points);
    const ratios = points.map(({ ratio }) => ratio);
    const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map(formatNumber);
    const line = found
      ? `both are equal where σ√D is ${formatFixed(found[0], 2)} to ${formatFixed(found[1], 2)}`
      : "the two are equal nowhere on the map";
    const told = `${PLACES[norm]}: ratios ${least} to ${most}, median ${
      formatNumber(median(ratios)!)
    }; ${line}`;
    // A norm divides by √(variance + ε).
    return norm === "pre" || median(ratios)! > 3 || Math.max(...ratios) < 3
      ? told
      : `${told}. Where σ√D is very small, updates are small next to the norms' ε and keep their unequal sizes`;
  }).join(". ") + ".";
}

/** Half way to the neighbours on a logarithmic axis, for each value. */
function cells(values: readonly number[]): Map<number, [number, number]> {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const middle = (i: number) => Math.sqrt(sorted[i] * sorted[i + 1]);
  const last = sorted.length - 1;
  return new Map(sorted.map((value, i) => [value, [
    i > 0 ? middle(i - 1) : last > 0 ? value ** 2 / middle(0) : value / 1.2,
    i < last ? middle(i) : last > 0 ? value ** 2 / middle(last - 1) : value * 1.2,
  ]]));
}

/** Text that stays legible on every shade. */
const HALO = { fill: ON_SHADE.ink, stroke: ON_SHADE.halo, strokeWidth: 5 } as const;

type Frame = Record<"width" | "height" | "marginLeft" | "marginRight" | "marginTop" | "marginBottom", number>;

function chart(map: RatioMap, width: number, height: number): Plot.PlotOptions {
  const { norm, points } = map;
  const [widths, stds] = [cells(points.map(({ hidden }) => hidden)), cells(points.map(({ std }) => std))];
  const large = width === WIDTH;
  const domain = (cells: Map<number, [number, number]>): [number, number] => [
    Math.min(...[...cells.values()].flat()),
    Math.max(...[...cells.values()].flat()),
  ];
  const ticks = (values: readonly number[], within: [number, number]) =>
    values.filter((value) => value >= within[0] && value <= within[1]);
  const [x, y] = [domain(widths), domain(stds)];
  const frame = { ...FRAME, width, height, marginRight: 24, marginTop: 46 };
  return {
    ...frame,
    x: { type: "log", domain: x },
    y: { type: "log", domain: y },
    marks: [
      Plot.rect(points, {
        x1: ({ hidden }) => widths.get(hidden)![0],
        x2: ({ hidden }) => widths.get(hidden)![1],
        y1: ({ std }) => stds.get(std)![0],
        y2: ({ std }) => stds.get(std)![1],
        fill: ({ ratio }) => shade(ratio),
        shapeRendering: "crispEdges",
      }),
      Plot.axisX(ticks(large ? [64, 128, 256, 512, 1024, 2048, 4096, 8192] : [64, 512, 4096], x), {
        ...AXIS_X,
        text: String,
        label: "width D",
      }),
      Plot.axisY(ticks(large ? [0.005, 0.01, 0.02, 0.05, 0.1] : [0.005, 0.02, 0.1], y), {
        ...AXIS_Y,
        text: formatTick,
        label: "σ",
      }),
      Plot.text([PLACES[norm]], { frameAnchor: "top", text: String, dy: -26, fill: INK, fontWeight: 600 }),
      Plot.line(crossing(points), { x: "hidden", y: "std", stroke: ON_SHADE.ink, strokeWidth: 2.5 }),
      ...modelsOf(map, x, y, frame),
      ...large ? sides() : [],
    ],
  };
}

/** Which module turns the stream further on each side. */
function sides(): Plot.Markish[] {
  return ([
    ["attention turns the stream further", "bottom-left", 14, -14],
    ["the MLP turns it further", "top-right", -14, 16],
  ] as const).map(([text, frameAnchor, dx, dy]) =>
    Plot.text([text], { text: String, frameAnchor, dx, dy, fontWeight: 600, ...HALO })
  );
}

/** Models that were run, in the colour of the measured ratio, and their ratios beside them. */
function modelsOf(map: RatioMap, x: [number, number], y: [number, number], frame: Frame): Plot.Markish[] {
  const places = map.models.map(placeOf);
  const { width, height, marginLeft, marginRight, marginTop, marginBottom } = frame;
  const scaleX = Plot.scale({ x: { type: "log", domain: x, range: [marginLeft, width - marginRight] } })!;
  const scaleY = Plot.scale({ y: { type: "log", domain: y, range: [height - marginBottom, marginTop] } })!;
  const at = ({ hidden, std }: { hidden: number; std: number }) => ({
    x: scaleX.apply(hidden) as number,
    y: scaleY.apply(std) as number,
  });
  const texts = places.map(({ measured, computed }) => `${two(measured)} / ${two(computed)}`);
  const labels = placed(places.map((place, i) => ({ ...at(place), text: texts[i] })), {
    frame: {
      left: marginLeft,
      right: width - 4,
      top: marginTop + (width === WIDTH ? 28 : 0),
      bottom: height - marginBottom - (width === WIDTH ? 28 : 0),
    },
    taken: places.map((place) => around(at(place).x, at(place).y, 7)),
    size: 14,
    gap: 10,
  });
  return [
    Plot.dot(places, {
      x: "hidden",
      y: "std",
      r: 6,
      fill: ({ measured }) => shade(measured),
      stroke: ON_SHADE.ink,
      strokeWidth: 1.5,
      title: ({ hidden, std, measured, computed }) =>
        `D ${hidden}, σ ${formatNumber(std)}: measured ${formatNumber(measured)}, computed ${
          formatNumber(computed)
        }`,
    }),
    ...labels.flatMap((label, i) =>
      label
        ? [Plot.text([places[i]], {
          x: "hidden",
          y: "std",
          text: () => texts[i],
          fontSize: 14,
          dx: label.dx,
          dy: label.dy,
          textAnchor: label.textAnchor,
          ...HALO,
        })]
        : []
    ),
  ];
}

/** A ratio with two digits. */
function two(ratio: number): string {
  return ratio >= 9.5
    ? formatFixed(ratio, 0)
    : ratio >= 0.095
    ? formatFixed(ratio, ratio < 0.95 ? 2 : 1)
    : formatFixed(ratio, 3);
}

/** The colours and their edges. */
function legend(): Plot.PlotOptions {
  return {
    width: WIDTH,
    height: 58,
    marginLeft: 66,
    marginRight: 24,
    marginTop: 6,
    marginBottom: 30,
    x: { domain: [0, SHADES.length], axis: null },
    y: { axis: null },
    marks: [
      Plot.rect(SHADES, { x1: (_, i) => i, x2: (_, i) => i + 1, y1: 0, y2: 1, fill: String }),
      Plot.text(["1/30", "1/10", "1/3", "1", "3", "10", "30"], {
        x: (_, i) => i + 1,
        frameAnchor: "bottom",
        dy: 16,
        text: String,
        fill: FAINT,
        fontSize: 14,
      }),
      Plot.text(["MLP", "attention"], {
        x: (_, i) => i ? SHADES.length - 0.5 : 0.5,
        y: 0.5,
        text: String,
        fill: ON_SHADE.halo,
        fontSize: 14,
      }),
    ],
  };
}
