/**
 * Untrained models and their closed form, module by module: points are measured (mean over seeds, bars one standard
 * deviation), lines are computed. Small multiples on one scale; each panel states the line's largest error from layer 2 up,
 * and whether the logits' variance is small.
 */
import { expect } from "../../entry/mod.ts";
import * as Plot from "@observablehq/plot";
import { FIRST_LAYER, MODULES } from "../../measure/mod.ts";
import { AXIS_X, AXIS_Y, COLORS, countTicks, logDomain, logTicks } from "../chart/axes.ts";
import {
  fitText,
  type InitModel,
  measuredInits,
  moduleNames,
  percent,
  settingOfModels,
  shapeText,
  worstError,
} from "../chart/init_model.ts";
import { dots, SHAPES } from "../chart/marks.ts";
import { formatNumber, formatTick } from "../chart/numbers.ts";
import { KIND_NAMES } from "../chart/setting.ts";
import { drawFigure, FAINT, type Figure, INK, WIDTH } from "../chart/svg.ts";

/**
 * Draws the importance of every module of every model, over depth. Throws `RangeError` if there is no model.
 *
 * @example
 * ```ts
 * import { initFitFigure, initModel, openConfig } from "lamina";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const model = await initModel(named, { samples: 1, length: 32 });
 * const { svg } = initFitFigure([model]);
 * ```
 */
export function initFitFigure(models: readonly InitModel[]): Figure {
  expect("draw", "models", models, measuredInits);
  const rows = models.flatMap(rowsOf);
  const domain = logDomain(rows.flatMap(({ importance, predicted }) => [importance, predicted]));
  return drawFigure({
    name: "init_fit",
    title: titleOf(models),
    subtitle: "Importance by layer before the first training step (log). Points: mean over seeds, bars ± 1 " +
      "standard deviation over seeds. Lines: closed form, nothing fitted. Variance: logit variance.",
    setting: settingOfModels(models),
    reading: models.map((model) => `${shapeText(model)}: ${fitText(model)}`).join(". ") + ".",
    panels: models.map((model, i) => panel(model, i, domain)),
    rows,
  });
}

/** The error that the closed form promises where the logits' variance is small. */
const PROMISED = 0.15;

function titleOf(models: readonly InitModel[]): string {
  const errors = models.map(worstError);
  const fitting = errors.filter((error) => error <= PROMISED).length;
  return fitting === models.length
    ? `Untrained models follow a closed form within ${
      percent(Math.max(...errors))
    } from layer ${FIRST_LAYER} up`
    : `The closed form fits ${fitting} of ${models.length} untrained models within ${
      percent(PROMISED)
    } from layer ${FIRST_LAYER} up`;
}

/** The numbers of a model, one row per layer and module. */
function rowsOf({ measured, predicted }: InitModel) {
  const { shape, initialiser, provenance } = measured;
  return MODULES.flatMap((module) =>
    measured[module].importance.flatMap((importance, layer) =>
      importance === null ? [] : [{
        model: provenance.model.name,
        hidden: shape.hidden,
        std: initialiser.std,
        norm: shape.norm,
        module: KIND_NAMES[module],
        layer,
        importance,
        spread: measured[module].spread[layer],
        predicted: predicted[module][layer],
      }]
    )
  );
}

function panel(model: InitModel, place: number, domain: [number, number]): Plot.PlotOptions {
  const { layers } = model.measured.shape;
  const frame = {
    width: WIDTH / 2,
    height: 270,
    marginLeft: 62,
    marginRight: 14,
    marginTop: 62,
    marginBottom: 44,
  };
  const ticks = logTicks(domain);
  const inside = (value: number) => Math.min(domain[1], Math.max(domain[0], value));
  const heading = (text: string, dy: number, options: object) =>
    Plot.text([text], { frameAnchor: "top-left", text: String, dy, dx: -38, ...options });
  return {
    ...frame,
    x: { domain: [-0.5, layers - 0.5] },
    y: { type: "log", domain },
    marks: [
      Plot.gridY(ticks, { stroke: "#d0d7de", strokeOpacity: 1 }),
      Plot.axisY(ticks, { ...AXIS_Y, text: formatTick, label: null }),
      Plot.axisX(countTicks(layers - 1), { ...AXIS_X, tickFormat: String, label: "layer" }),
      heading(shapeText(model), -46, { fill: INK, fontWeight: 600 }),
      heading(fitText(model).replace("logit ", ""), -26, { fill: FAINT, fontSize: 14 }),
      ...MODULES.flatMap((module) => {
        const points = rowsOf(model).filter((row) => row.module === KIND_NAMES[module]);
        const color = COLORS[module];
        return [
          Plot.line(points, { x: "layer", y: "predicted", stroke: color, strokeWidth: 2 }),
          Plot.ruleX(points.filter(({ spread }) => spread !== null && spread > 0), {
            x: "layer",
            y1: ({ importance, spread }) => inside(importance - spread),
            y2: ({ importance, spread }) => inside(importance + spread),
            stroke: color,
            strokeWidth: 3,
            strokeOpacity: 0.35,
          }),
          dots(points, {
            x: "layer",
            y: "importance",
            color,
            shape: SHAPES[module],
            title: ({ layer, importance, predicted }) =>
              `${KIND_NAMES[module]}, layer ${layer}: ${formatNumber(importance)}, computed ${
                formatNumber(predicted)
              }`,
            r: layers > 40 ? 2 : 3,
          }),
        ];
      }),
      ...place > 0 ? [] : moduleNames((i) => ({ dy: 4 + 19 * i })),
    ],
  };
}
