/** Perplexity with and without the modules of plans. */
import { feature, look, oneRow, recorded } from "core/feature/mod.ts";
import { contextStudy } from "./context.ts";
import { interactionsFigure, interactionsStudy } from "./interaction.ts";
import { contextKind, contextLossKind, interactionsKind, perplexityKind } from "./result.ts";
import { perplexityStudy } from "./study.ts";
import { perplexityRows, perplexityTables } from "./table.ts";

export * from "./changed.ts";
export * from "./context.ts";
export * from "./figures.ts";
export * from "./interaction.ts";
export * from "./result.ts";
export * from "./scored.ts";
export * from "./study.ts";
export * from "./table.ts";

export default feature({
  studies: { perplexity: perplexityStudy, context: contextStudy, interactions: interactionsStudy },
  looks: [
    look(perplexityKind, { together: perplexityTables, rows: perplexityRows, isOneRow: true }),
    recorded(
      contextKind,
      ({ rises }) => rises.map(({ from, layers, ...rise }) => ({ from, layers: layers.join(" "), ...rise })),
    ),
    oneRow(
      contextLossKind,
      ({ change }) => ({ from: change?.from ?? "", layers: change?.layers.join(" ") ?? "" }),
    ),
    recorded(interactionsKind, ({ rises }) => rises, ({ rises }) => interactionsFigure(rises)),
  ],
  command: { flags: "--drop-attention 25,26" },
});
