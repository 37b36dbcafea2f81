/** Comparisons: a smaller model or a plan with the model, two profiles. */
import { feature, look } from "core/feature/mod.ts";
import { certificateKind, compareKind } from "./result.ts";
import { certifyStudy } from "./certify.ts";
import { certificateFigure } from "./figures.ts";
import { certificateRows, certificateTables, comparisonRows, comparisonTable } from "./table.ts";

export * from "./certify.ts";
export { certificateCost } from "./derived.ts";
export * from "./figures.ts";
export * from "./profiles.ts";
export * from "./result.ts";

export default feature({
  studies: { certify: certifyStudy },
  looks: [
    look(certificateKind, { tables: certificateTables, rows: certificateRows, figure: certificateFigure }),
    look(compareKind, { tables: comparisonTable, rows: comparisonRows }),
  ],
  commands: () => import("./command.ts"),
});
