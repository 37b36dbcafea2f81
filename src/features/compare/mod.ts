/** Comparisons: a smaller model or a plan with the model, two profiles, answers that lm-eval logged. */
import { feature, single } from "core/feature/mod.ts";
import { certifyStudy } from "./certify.ts";
import { certificateFigure } from "./figures.ts";
import {
  certificateRows,
  certificateTables,
  comparisonRows,
  comparisonTable,
  samplesRows,
  samplesTable,
} from "./table.ts";

export * from "./certify.ts";
export * from "./figures.ts";
export * from "./profiles.ts";
export * from "./result.ts";
export * from "./samples.ts";

export default feature({
  studies: { certify: certifyStudy },
  looks: {
    certificate: { tables: certificateTables, rows: certificateRows, figure: single(certificateFigure) },
    compare: { tables: comparisonTable, rows: comparisonRows },
    samples: { tables: samplesTable, rows: samplesRows },
  },
  commands: () => import("./command.ts"),
});
