/** Importance at the checkpoints of a training run. */
import { feature, look } from "core/feature/mod.ts";
import { checkpointsKind } from "./result.ts";
import { checkpointMapFigure } from "./figures/checkpoint_map.ts";
import { checkpointsStudy } from "./study.ts";
import { checkpointRows, checkpointTables } from "./table.ts";

export * from "./figures/checkpoint_lines.ts";
export * from "./figures/checkpoint_map.ts";
export * from "./figures/checkpoint_quality.ts";
export * from "./result.ts";
export * from "./study.ts";
export * from "./table.ts";
export * from "./trends.ts";

export default feature({
  studies: { checkpoints: checkpointsStudy },
  looks: [
    look(checkpointsKind, { tables: checkpointTables, rows: checkpointRows, figure: checkpointMapFigure }),
  ],
  commands: () => import("./command.ts"),
});
