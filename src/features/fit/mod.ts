/** Fits: the largest plan that keeps a promise. */
import { feature, look } from "core/feature/mod.ts";
import { fitKind } from "./result.ts";
import { fitFigure } from "./figures.ts";
import { fitStudy } from "./study.ts";
import { fitRows, fitTables } from "./table.ts";

export * from "./aims.ts";
export * from "./figures.ts";
export * from "./fitted.ts";
export { type FitLines, type FitTarget } from "./lines.ts";
export * from "./result.ts";
export { fit, type FitOptions, fitStudy } from "./study.ts";
export * from "./table.ts";
export * from "./words.ts";

export default feature({
  studies: { fit: fitStudy },
  looks: [look(fitKind, { tables: fitTables, rows: fitRows, figure: fitFigure })],
  commands: () => import("./command.ts"),
});
