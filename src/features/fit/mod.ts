/** Fits: the largest plan that keeps a promise. */
import { feature, single } from "core/feature/mod.ts";
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
  looks: { fit: { tables: fitTables, rows: fitRows, figure: single(fitFigure) } },
  commands: () => import("./command.ts"),
});
