/**
 * What makes an untrained model's modules important: one property of the model varied at a time, all others held fixed. Points
 * are measured, lines computed; a value is the geometric mean over the layers from 2 up.
 */
import { expect, like, list } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import { FIRST_LAYER, MODULES, typical } from "../../measure/mod.ts";
import { AXIS_X, AXIS_Y, COLORS, logDomain, logTicks } from "../chart/axes.ts";
import { type InitModel, measuredRatio, moduleNames, settingOfModels } from "../chart/init_model.ts";
import { dots, SHAPES } from "../chart/marks.ts";
import { formatNumber, formatTick } from "../chart/numbers.ts";
import { KIND_NAMES } from "../chart/setting.ts";
import { drawFigure, type Figure, INK, WIDTH } from "../chart/svg.ts";

/** One property, and models that differ in it alone. */
export interface InitCause {
  /** "width D" */
  readonly name: string;
  /** In the order of the axis. */
  readonly models: readonly (InitModel & { readonly value: number | string })[];
}

const aCause = like("a property with its models: { name, models }", (value) => {
  const { name, models } = (value ?? {}) as Partial<InitCause>;
  return typeof name === "string" && Array.isArray(models) && models.length > 0;
});

/**
 * Draws the importance of both modules against each property. Throws `RangeError` for an empty list.
 *
 * @example
 * ```ts
 * import { initCausesFigure, initModels, openConfig } from "lamina";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const models = await initModels(named, { 4: { layers: 4 }, 8: { layers: 8 } }, { samples: 1, length: 32 });
 * const { svg } = initCausesFigure([{ name: "depth L", models }]);
 * ```
 */
export function initCausesFigure(causes: readonly InitCause[]): Figure {
  expect("draw", "causes", causes, list(aCause, "causes", 1));
  const rows = causes.flatMap(rowsOf);
  const domain = logDomain(rows.flatMap(({ importance, predicted }) => [importance, predicted]));
  return drawFigure({
    name: "init_causes",
    title: "What sets importance in an untrained model, one property at a time",
    subtitle: `Importance (log; geometric mean from layer ${FIRST_LAYER} up), everything else held fixed. ` +
      "Points: measured, mean over seeds. Lines: closed form.",
    setting: settingOfModels(causes.flatMap(({ models }) => models)),
    reading:
      causes.map(readingOf).join("; ").replace(/^./, "Ratio of attention's importance to the MLP's by $&") +
      ".",
    panels: causes.map((cause, i) => panel(cause, i, domain)),
    rows,
  });
}

function rowsOf({ name, models }: InitCause) {
  return models.flatMap(({ value, measured, predicted }) =>
    MODULES.map((module) => ({
      property: name,
      value: String(value),
      module: KIND_NAMES[module],
      importance: typical(measured[module].importance),
      predicted: typical(predicted[module]),
    }))
  );
}

/** "width D: 22.1 at 128, 0.61 at 2048" */
function readingOf({ name, models }: InitCause): string {
  const ends = models.length > 3 ? [models[0], models.at(-1)!] : models;
  const told = ends.map((model) => `${formatNumber(measuredRatio(model))} at ${model.value}`);
  return `${name}: ${told.join(", ")}`;
}

function panel(cause: InitCause, place: number, domain: [number, number]): Plot.PlotOptions {
  const ticks = logTicks(domain);
  const rows = rowsOf(cause);
  return {
    width: WIDTH / 2,
    height: 240,
    marginLeft: 62,
    marginRight: 14,
    marginTop: 44,
    marginBottom: 34,
    x: { type: "point", domain: cause.models.map(({ value }) => String(value)), padding: 0.3 },
    y: { type: "log", domain },
    marks: [
      Plot.gridY(ticks, { stroke: "#d0d7de", strokeOpacity: 1 }),
      Plot.axisY(ticks, { ...AXIS_Y, text: formatTick, label: null }),
      Plot.axisX({ ...AXIS_X, label: null, fontSize: 14 }),
      Plot.text([cause.name], {
        frameAnchor: "top-left",
        text: String,
        dy: -26,
        dx: -38,
        fill: INK,
        fontWeight: 600,
      }),
      ...MODULES.flatMap((module) => {
        const own = rows.filter((row) => row.module === KIND_NAMES[module]);
        return [
          Plot.line(own, { x: "value", y: "predicted", stroke: COLORS[module], strokeWidth: 2 }),
          dots(own, {
            x: "value",
            y: "importance",
            color: COLORS[module],
            shape: SHAPES[module],
            title: ({ value, importance, predicted }) =>
              `${KIND_NAMES[module]}, ${cause.name} ${value}: ${formatNumber(importance)}, computed ${
                formatNumber(predicted)
              }`,
            r: 4,
          }),
        ];
      }),
      ...place > 0 ? [] : moduleNames((i) => ({ dx: i === 0 ? -68 : 0, dy: -26 })),
    ],
  };
}
