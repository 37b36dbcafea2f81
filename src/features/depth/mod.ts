/** Depth: how far a model uses its layers. */
import { feature, look } from "core/feature/mod.ts";
import { depthKind } from "./result.ts";
import { depthFigure } from "./figures.ts";
import { depthStudy } from "./study.ts";
import { depthRows, depthTables } from "./table.ts";

export * from "./figures.ts";
export * from "./result.ts";
export * from "./study.ts";

export default feature({
  studies: { depth: depthStudy },
  looks: [look(depthKind, { tables: depthTables, rows: depthRows, figures: depthFigure })],
  command: { flags: "--samples 4" },
});
