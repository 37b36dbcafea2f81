import { like, list } from "core/entry/mod.ts";
import { crossing, moduleRatio, type RatioPoint } from "../theory/module_ratio.ts";
import { median } from "core/measure/mod.ts";
import { logAxis } from "core/show/chart/draw/axes.ts";
import { ON_SHADE, SHADES } from "core/show/chart/draw/colors.ts";
import { legend } from "core/show/chart/draw/heat.ts";
import { type InitModel, measuredRatio, PLACES, settingOfModels } from "../init_model.ts";
import type { Panel } from "core/show/chart/draw/panel.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { formatFixed, formatNumber, reading } from "core/show/words/mod.ts";

/** The map of one norm placement, and the measured models with that placement. */
export interface RatioMap {
  /** The norm placement. */
  readonly norm: InitModel["measured"]["shape"]["norm"];
  /** Points on a grid of widths and standard deviations. */
  readonly points: readonly RatioPoint[];
  /** Models that were measured, drawn as marks. */
  readonly models: readonly InitModel[];
}

/** Edges of the colours from the MLP's to attention's. */
const EDGES = [1 / 30, 1 / 10, 1 / 3, 1, 3, 10, 30];
const shade = (ratio: number) => SHADES[EDGES.filter((edge) => ratio > edge).length];

const aMap = like("a map: { norm, points, models }", (value) => {
  const { norm, points, models } = (value ?? {}) as Partial<RatioMap>;
  return Object.hasOwn(PLACES, norm ?? "") && Array.isArray(points) && Array.isArray(models);
});

/**
 * Draws the ratio of attention's importance to the MLP's in untrained models as maps (paper, claim C4), the first one large. Throws `RangeError` if there is no map or no model.
 *
 * @example
 * ```ts
 * import { initMapFigure } from "lamina/figures";
 * import { initModel, openConfig, ratioMap } from "lamina/init";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const model = await initModel(named, { samples: 1, length: 32 });
 * const points = ratioMap(named, { widths: [48, 96, 192], stds: [0.01, 0.02, 0.04, 0.08] });
 * const { svg } = initMapFigure([{ norm: "pre", points, models: [model] }]);
 * ```
 */
export const initMapFigure: Draw<[readonly RatioMap[]]> = figure("init_map", {
  maps: list(aMap, "maps", 1),
}, (maps) => {
  const models = maps.flatMap(({ models }) => models);
  if (models.length === 0) throw new RangeError("Cannot draw a map: found no model, expected at least one");
  return {
    rows: maps.flatMap(({ norm, points, models }) => [
      ...points.map(({ hidden, std, ratio }) => ({ norm, hidden, std, computed: ratio, measured: null })),
      ...models.map((model) => ({ norm, ...placeOf(model) })),
    ]),
    title: finding(maps[0]),
    shows: [
      "Ratio of attention's importance to the MLP's in untrained models, by width D and standard deviation σ of the",
      "weights (both log; geometric mean from layer 2 up). Colours and lines: closed form. Dots: measured models,",
      "as measured / computed.",
    ],
    setting: settingOfModels(models),
    reads: maps.map((map) => `${ratios(map)}.`),
    panels: [
      ...maps.map((map, i) => chart(map, i === 0)),
      legend(
        SHADES,
        new Map(EDGES.map((edge, i) => [i + 1, edge < 1 ? `1/${Math.round(1 / edge)}` : String(edge)])),
        "attention's importance / the MLP's",
      ),
    ],
  };
});

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

function finding({ norm, points }: RatioMap): string {
  const found = border(points);
  if (!found) return `${PLACES[norm]}: the same module is more important everywhere`;
  const middle = { fixed: (found[0] + found[1]) / 2, decimals: 1 };
  return reading`${PLACES[norm]}, this shape: attention is more redundant than the MLP
    only above σ√D = ${middle}`;
}

function ratios({ norm, points }: RatioMap): string {
  const found = border(points)?.map((end) => ({ fixed: end, decimals: 2 }));
  const all = points.map(({ ratio }) => ratio);
  const [least, most, middle] = [Math.min(...all), Math.max(...all), median(all)!];
  const line = found
    ? reading`both are equal where σ√D is ${found[0]} to ${found[1]}`
    : "the two are equal nowhere on the map";
  // A norm divides by √(variance + ε).
  const small = norm !== "pre" && middle <= 3 && most >= 3 &&
    ". Where σ√D is very small, updates are small next to the norms' ε and keep their unequal sizes";
  const [from, to, half] = [least, most, middle].map(formatNumber);
  return reading`${PLACES[norm]}: ratios ${from} to ${to}, median ${half}; ${line}${small}`;
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

function two(ratio: number): string {
  return formatFixed(ratio, ratio >= 9.5 ? 0 : ratio >= 0.95 ? 1 : ratio >= 0.095 ? 2 : 3);
}

const domainOf = (spans: Map<number, [number, number]>): [number, number] => {
  const ends = [...spans.values()].flat();
  return [Math.min(...ends), Math.max(...ends)];
};

/** The first map is large. Models that were run are in the colour of the measured ratio, with their ratios beside them. */
function chart({ norm, points, models }: RatioMap, large: boolean): Panel {
  const [widths, stds] = [cells(points.map(({ hidden }) => hidden)), cells(points.map(({ std }) => std))];
  const [x, y] = [domainOf(widths), domainOf(stds)];
  const ticks = (values: readonly number[], [low, high]: readonly [number, number]) =>
    values.filter((value) => value >= low && value <= high);
  const places = models.map(placeOf);
  const look = { color: ON_SHADE.ink };
  return {
    part: large ? 1 : 1 / 2,
    height: large ? 440 : 250,
    headings: [{ text: PLACES[norm] }],
    x: {
      type: "log",
      domain: x,
      ticks: ticks(large ? [64, 256, 1024, 4096] : [64, 512, 4096], x),
      label: "width D",
    },
    y: {
      ...logAxis(y, "σ"),
      ticks: ticks(large ? [0.005, 0.01, 0.02, 0.05, 0.1] : [0.005, 0.02, 0.1], y),
      grid: false,
    },
    cells: points.map(({ hidden, std, ratio }) => {
      const [[x1, x2], [y1, y2]] = [widths.get(hidden)!, stds.get(std)!];
      return { x1, x2, y1, y2, fill: shade(ratio) };
    }),
    series: [
      { ...look, points: crossing(points).map(({ hidden, std }) => ({ x: hidden, y: std })), width: 2.5 },
      {
        ...look,
        shape: "circle",
        points: places.map(({ hidden, std, measured, computed }) => ({
          x: hidden,
          y: std,
          fill: shade(measured),
          says: reading`D ${String(hidden)}, σ ${{ measured: std }}: measured ${{ measured }},
            computed ${{ measured: computed }}`,
        })),
        width: 0,
        r: 6,
        hollow: true,
      },
    ],
    names: [
      ...large
        ? [
          { ...look, text: "attention turns the stream further", at: [{ x: x[0], y: y[0] }], bold: true },
          { ...look, text: "the MLP turns the stream further", at: [{ x: x[1], y: y[1] }], bold: true },
        ]
        : [],
      ...places.map(({ hidden, std, measured, computed }) => ({
        ...look,
        text: `${two(measured)} / ${two(computed)}`,
        at: [{ x: hidden, y: std }],
        small: true,
      })),
    ],
  };
}
