/** What a model is, without its weights. */
import { feature, look } from "core/feature/mod.ts";
import { infoKind } from "./result.ts";
import { infoRows, infoTables } from "./table.ts";

export * from "./result.ts";
export * from "./study.ts";

export default feature({
  looks: [look(infoKind, { tables: infoTables, rows: infoRows })],
  commands: () => import("./command.ts"),
});
