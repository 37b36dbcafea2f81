/** Accuracy on benchmark tasks, as lm-eval measures it. */
import { feature, look, recorded } from "core/feature/mod.ts";
import { evaluateKind, taskKind, writtenKind } from "./result.ts";
import { evaluateStudy } from "./study.ts";
import { evaluationRows, evaluationTables } from "./table.ts";

export * from "./accuracy.ts";
export * from "./beside.ts";
export * from "./figures.ts";
export * from "./price.ts";
export * from "./result.ts";
export * from "./rounds.ts";
export * from "./study.ts";
export * from "./table.ts";

export default feature({
  studies: { evaluate: evaluateStudy },
  looks: [
    look(evaluateKind, { together: evaluationTables, rows: evaluationRows }),
    recorded(
      taskKind,
      ({ items }) =>
        items.map(({ index, acc = null, acc_norm = null }) => ({ document: index, acc, acc_norm })),
    ),
    recorded(writtenKind, ({ texts }) => texts.map((ids, prompt) => ({ prompt, tokens: ids.length }))),
  ],
  commands: () => import("./command.ts"),
});
