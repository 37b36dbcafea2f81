/** Untrained models as a section: compared with their closed form, over width and standard deviation, and claim C4. */
import { moduleRatio } from "../../measure/mod.ts";
import { initClaim } from "../claims/untrained.ts";
import { initFitFigure, initMapFigure, type RatioMap } from "../figures/mod.ts";
import { type InitModel, percent, settingOfModels, shapeText, worstError } from "../chart/init_model.ts";
import { formatNumber } from "../chart/numbers.ts";
import type { ReportTable, Section } from "./section.ts";

/** Combines models, and the maps with theirs. Throws `RangeError` if there is no model. */
export function randomInitSection(models: readonly InitModel[], maps: readonly RatioMap[]): Section {
  return {
    name: "random-init",
    title: "Random initialisation: redundancy before the first training step",
    setting: settingOfModels(models),
    claims: [initClaim(models)],
    figures: [initFitFigure(models), initMapFigure(maps)],
    tables: [ratioTable(models)],
  };
}

function ratioTable(models: readonly InitModel[]): ReportTable {
  return {
    title: "Ratio of attention’s importance to the MLP’s (geometric mean from layer 2 up)",
    head: ["model", "measured", "closed form", "largest error over modules"],
    rows: models.map((model) => {
      const { attention, mlp } = model.measured;
      return [
        shapeText(model),
        formatNumber(moduleRatio({ attention: attention.importance, mlp: mlp.importance })),
        formatNumber(moduleRatio(model.predicted)),
        percent(worstError(model)),
      ];
    }),
  };
}
