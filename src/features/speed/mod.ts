/** Speed with modules dropped, measured here or computed for a device. */
import { feature, look } from "core/feature/mod.ts";
import { rooflineKind, speedKind } from "./result.ts";
import { rooflineFigure } from "./roofline_figures.ts";
import { rooflineRows, rooflineTables } from "./roofline_table.ts";
import { speedFigure } from "./figures.ts";
import { speedStudy } from "./study.ts";
import { speedRows, speedTables } from "./table.ts";

export * from "./figures.ts";
export * from "./llama.ts";
export * from "./parts.ts";
export * from "./result.ts";
export * from "./roofline.ts";
export * from "./roofline_figures.ts";
export * from "./study.ts";

export default feature({
  studies: { speed: speedStudy },
  looks: [
    look(rooflineKind, {
      tables: rooflineTables,
      rows: rooflineRows,
      figures: (results) => results[0].plans[0].points.length > 1 ? rooflineFigure(results) : null,
    }),
    look(speedKind, { tables: speedTables, rows: speedRows, figure: speedFigure }),
  ],
  commands: () => import("./command.ts"),
});
