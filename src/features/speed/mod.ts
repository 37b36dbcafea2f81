/** Speed with modules dropped, measured here or computed for a device. */
import { feature, look } from "core/feature/mod.ts";
import { rooflineKind, speedKind } from "./result.ts";
import { rooflineRows, rooflineTables } from "./roofline_table.ts";
import { speedFigure } from "./figures.ts";
import { speedStudy } from "./study.ts";
import { speedRows, speedTables } from "./table.ts";

export * from "./figures.ts";
export * from "./llama.ts";
export * from "./parts.ts";
export * from "./result.ts";
export * from "./roofline.ts";
export * from "./study.ts";

export default feature({
  studies: { speed: speedStudy },
  looks: [
    look(rooflineKind, { tables: rooflineTables, rows: rooflineRows }),
    look(speedKind, { tables: speedTables, rows: speedRows, figure: speedFigure }),
  ],
  commands: () => import("./command.ts"),
});
