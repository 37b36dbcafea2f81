/** Sweeps: what dropping more and more modules costs. */
import { feature, look } from "core/feature/mod.ts";
import { sweepKind } from "./result.ts";
import { qualityFigure } from "./figures.ts";
import { sweepStudy } from "./study.ts";
import { sweepRows, sweepTable } from "./table.ts";

export * from "./chart.ts";
export * from "./curves.ts";
export * from "./derived.ts";
export * from "./figures.ts";
export * from "./parts.ts";
export * from "./result.ts";
export { sweep, type SweepOptions, sweepStudy } from "./study.ts";
export * from "./table.ts";
export * from "./words.ts";

export default feature({
  studies: { sweep: sweepStudy },
  looks: [look(sweepKind, { tables: sweepTable, rows: sweepRows, figure: qualityFigure })],
  commands: () => import("./command.ts"),
});
