import { FIRST_LAYER } from "../theory/module_ratio.ts";
import { MODULES } from "core/measure/mod.ts";
import { indexAxis, logAxis, logDomain } from "core/show/chart/draw/axes.ts";
import type { Panel } from "core/show/chart/draw/panel.ts";
import {
  type InitModel,
  measuredInits,
  percent,
  settingOfModels,
  shapeText,
  worstError,
} from "../init_model.ts";
import { byKind, MODULE_KEY, numbersOf } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { reading } from "core/show/words/mod.ts";

/**
 * Draws the importance of every module of untrained models over depth: points are measured (mean over seeds, bars one standard deviation),
 * lines computed. Each panel states the line's largest error from layer 2 up, and whether the logits' variance is small. Throws
 * `RangeError` if there is no model.
 */
export const initFitFigure: Draw<[readonly InitModel[]]> = figure("init_fit", {
  models: measuredInits,
}, (models) => {
  const rows = models.flatMap(rowsOf);
  const domain = logDomain(numbersOf(rows, "importance", "predicted"));
  return {
    rows,
    title: finding(models),
    shows: [
      "Importance by layer before the first training step (log). Points: mean over seeds, bars ± 1 standard deviation",
      "over seeds. Lines: closed form, nothing fitted. Variance: logit variance.",
    ],
    setting: settingOfModels(models),
    reads: models.map((model) => `${shapeText(model)}: ${fitText(model)}.`),
    key: MODULE_KEY,
    panels: models.map((model) => chart(model, domain)),
  };
});

/** The error that the closed form promises where the logits' variance is small. */
const PROMISED = 0.15;

function finding(models: readonly InitModel[]): string {
  const errors = models.map(worstError);
  const fitting = errors.filter((error) => error <= PROMISED).length;
  const [what, within] = fitting === models.length
    ? ["Untrained models follow a closed form", Math.max(...errors)]
    : [`The closed form fits ${fitting} of ${models.length} untrained models`, PROMISED];
  return `${what} within ${percent(within)} from layer ${FIRST_LAYER} up`;
}

function rowsOf({ measured, predicted }: InitModel) {
  const { shape, initialiser, provenance } = measured;
  return MODULES.flatMap((module) =>
    measured[module].importance.flatMap((importance, layer) =>
      importance === null ? [] : [{
        model: provenance.model.name,
        hidden: shape.hidden,
        std: initialiser.std,
        norm: shape.norm,
        module,
        layer,
        importance,
        spread: measured[module].spread[layer],
        predicted: predicted[module][layer],
      }]
    )
  );
}

/** Variance of the logits up to which attention is nearly uniform: at 1, e of uniform attention's weight on single keys. */
const SMALL = 1;

/** "error ≤ 4 %, logit variance 0.05 (small)" */
function fitText(model: InitModel): string {
  const { logitVariance } = model.predicted;
  const variance = logitVariance < 0.01
    ? "below 0.01"
    : logitVariance.toPrecision(logitVariance < 0.1 ? 1 : 2);
  const size = logitVariance > SMALL ? "not small" : "small";
  return `error ≤ ${percent(worstError(model))}, logit variance ${variance} (${size})`;
}

function chart(model: InitModel, domain: [number, number]): Panel {
  const { layers } = model.measured.shape;
  return {
    part: 1 / 2,
    height: 270,
    headings: [{ text: shapeText(model) }, { text: fitText(model).replace("logit ", ""), small: true }],
    x: indexAxis(layers, "layer"),
    y: logAxis(domain, null),
    series: byKind(rowsOf(model)).flatMap(({ label, rows, color, shape }) => [
      { color, points: rows.map(({ layer, predicted }) => ({ x: layer, y: predicted })) },
      {
        ...{ color, shape, width: 0, r: layers > 40 ? 2 : 3 },
        points: rows.map(({ layer, importance: y, predicted, spread }) => ({
          ...{ x: layer, y },
          ...spread ? { low: y - spread, high: y + spread } : {},
          says: reading`${label}, layer ${layer}: ${{ measured: y }}, computed ${{ measured: predicted }}`,
        })),
      },
    ]),
  };
}
