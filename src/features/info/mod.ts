/** What a model is, without its weights. */
import { feature } from "core/feature/mod.ts";
import { infoRows, infoTables } from "./table.ts";

export * from "./result.ts";
export * from "./study.ts";

export default feature({
  looks: { info: { tables: infoTables, rows: infoRows } },
  commands: () => import("./command.ts"),
});
