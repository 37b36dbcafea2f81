/** Orders of modules, plans from them, and the guides that predict what a removal costs. */
import { feature, look, oneRow } from "core/feature/mod.ts";
import { planKind } from "core/result/mod.ts";
import { guidesKind, lossKind, orderKind } from "./result.ts";
import { planText } from "core/measure/mod.ts";
import { guidesFigure } from "./figures.ts";
import { guidesStudy } from "./guides.ts";
import { orderStudy } from "./order.ts";
import { guidesRows, guidesTable, orderRows, orderTable, planRows, planTables } from "./table.ts";

export * from "./check.ts";
export * from "./constraints.ts";
export * from "./figures.ts";
export * from "./guides.ts";
export * from "./make_plan.ts";
export * from "./order.ts";
export * from "./rank.ts";
export * from "./request.ts";
export * from "./result.ts";
export * from "./scores/mod.ts";
export * from "./scores/score.ts";
export * from "./table.ts";

export default feature({
  studies: { order: orderStudy, guides: guidesStudy },
  looks: [
    look(planKind, { tables: planTables, rows: planRows }),
    look(orderKind, { tables: orderTable, rows: orderRows }),
    look(guidesKind, { tables: guidesTable, rows: guidesRows, figure: guidesFigure }),
    oneRow(lossKind, ({ provenance, nll, kl }) => ({ dropped: planText(provenance.drop), nll, kl })),
  ],
  commands: () => import("./command.ts"),
});
