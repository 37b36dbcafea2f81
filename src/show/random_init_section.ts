/** Untrained models as a section: beside their closed form, over width and deviation, and claim C4. */
import { moduleRatio } from "../measure/mod.ts";
import { initClaim } from "./init_claim.ts";
import { initFitFigure } from "./init_fit.ts";
import { initMapFigure, type RatioMap } from "./init_map.ts";
import { type InitModel, percent, settingOfModels, shapeText, worstError } from "./init_model.ts";
import { formatNumber } from "./numbers.ts";
import type { ReportTable, Section } from "./report.ts";

/** Puts models together, and maps with theirs. Throws `RangeError` where there is no model. */
export function randomInitSection(models: readonly InitModel[], maps: readonly RatioMap[]): Section {
  return {
    name: "random-init",
    title: "Random initialisation: redundancy before the first step",
    setting: settingOfModels(models),
    claims: [initClaim(models)],
    figures: [initFitFigure(models), initMapFigure(maps)],
    tables: [ratioTable(models)],
  };
}

function ratioTable(models: readonly InitModel[]): ReportTable {
  return {
    title: "Importance of attention over the MLP’s (geometric mean from layer 2 on)",
    head: ["model", "measured", "closed form", "largest error of a module"],
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
