/**
 * Untrained models and their closed form, module by module: points are measured (mean over seeds, bars one standard
 * deviation), lines are computed. Small multiples on one scale; each panel states the line's largest error from layer 2 up,
 * and whether the logits' variance is small.
 */
import { FIRST_LAYER, MODULES } from "../../../measure/mod.ts";
import { indexAxis, logAxis, logDomain } from "../../chart/draw/axes.ts";
import {
  fitSeries,
  fitText,
  type InitModel,
  measuredInits,
  percent,
  settingOfModels,
  shapeText,
  worstError,
} from "../../chart/init_model.ts";
import type { Panel } from "../../chart/draw/panel.ts";
import { KIND_NAMES, MODULE_KEY } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/**
 * Draws the importance of every module of every model, over depth. Throws `RangeError` if there is no model.
 *
 * @example
 * ```ts
 * import { initFitFigure } from "lamina/figures";
 * import { initModel, openConfig } from "lamina/init";
 *
 * const named = await openConfig("data/series/pre-ln/step00512");
 * const model = await initModel(named, { samples: 1, length: 32 });
 * const { svg } = initFitFigure([model]);
 * ```
 */
export const initFitFigure: Draw<[readonly InitModel[]]> = figure("init_fit", {
  models: measuredInits,
}, (models) => {
  const rows = models.flatMap(rowsOf);
  const domain = logDomain(rows.flatMap(({ importance, predicted }) => [importance, predicted]));
  return {
    title: titleOf(models),
    subtitle: `Importance by layer before the first training step (log). Points: mean over seeds, bars ± 1 ` +
      "standard deviation over seeds. Lines: closed form, nothing fitted. Variance: logit variance.",
    setting: settingOfModels(models),
    reading: models.map((model) => `${shapeText(model)}: ${fitText(model)}`).join(". ") + ".",
    key: MODULE_KEY,
    panels: models.map((model) => chart(model, domain)),
    rows,
  };
});

/** The error that the closed form promises where the logits' variance is small. */
const PROMISED = 0.15;

function titleOf(models: readonly InitModel[]): string {
  const errors = models.map(worstError);
  const fitting = errors.filter((error) => error <= PROMISED).length;
  const from = `from layer ${FIRST_LAYER} up`;
  return fitting === models.length
    ? `Untrained models follow a closed form within ${percent(Math.max(...errors))} ${from}`
    : `The closed form fits ${fitting} of ${models.length} untrained models within ${
      percent(PROMISED)
    } ${from}`;
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

function chart(model: InitModel, domain: [number, number]): Panel {
  const { layers } = model.measured.shape;
  return {
    part: 1 / 2,
    height: 270,
    headings: [{ text: shapeText(model) }, { text: fitText(model).replace("logit ", ""), small: true }],
    x: indexAxis(layers, "layer"),
    y: logAxis(domain, null),
    series: MODULES.flatMap((module) => {
      const own = rowsOf(model).filter((row) => row.module === KIND_NAMES[module]);
      const fitted = own.map((row) => ({ ...row, x: row.layer, at: `layer ${row.layer}` }));
      return fitSeries(module, fitted, layers > 40 ? 2 : 3);
    }),
  };
}
