/** Models before their first step, measured and held against the closed form. */
import { feature, look } from "core/feature/mod.ts";
import { randomInitKind } from "./result.ts";
import { randomInitStudy } from "./random_init.ts";
import { randomInitRows, randomInitTables } from "./table.ts";

export * from "./figures/init_fit.ts";
export * from "./figures/init_map.ts";
export * from "./init_model.ts";
export * from "./init_models.ts";
export * from "./predict.ts";
export * from "./random_init.ts";
export * from "./result.ts";
export * from "./table.ts";
export * from "./theory/init_theory.ts";
export * from "./theory/module_ratio.ts";

export default feature({
  studies: { "random-init": randomInitStudy },
  looks: [look(randomInitKind, { tables: randomInitTables, rows: randomInitRows })],
  commands: () => import("./command.ts"),
});
