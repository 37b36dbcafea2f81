/** Fits: the smallest file within a divergence. */
import { planText } from "core/measure/mod.ts";
import { feature, look, oneRow } from "core/feature/mod.ts";
import { fitFigure } from "./figures.ts";
import { divergenceKind, fitKind } from "./result.ts";
import { fitStudy } from "./study.ts";
import { fitRows, fitTables } from "./table.ts";

export * from "./figures.ts";
export * from "./fitted.ts";
export * from "./limits.ts";
export { fitChecks, type FitTarget, searchChecks } from "./options.ts";
export * from "./result.ts";
export { fit, type FitOptions, fitStudy } from "./study.ts";
export * from "./table.ts";
export * from "./words.ts";

export default feature({
  studies: { fit: fitStudy },
  looks: [
    look(fitKind, { tables: fitTables, rows: fitRows, figure: fitFigure }),
    oneRow(divergenceKind, ({ provenance, kl }) => ({ plan: planText(provenance.drop), kl })),
  ],
  commands: () => import("./command.ts"),
});
