/** Causes of importance: attention patterns, smoothing, update sizes and effects. */
import { feature, look, oneRow } from "core/feature/mod.ts";
import { causesKind, rowsKind } from "./result.ts";
import { causesFigure } from "./figures/causes.ts";
import { causesStudy } from "./study.ts";
import { causesRows, causesTables } from "./table.ts";

export * from "./figures/attention_map.ts";
export * from "./figures/causes.ts";
export * from "./figures/effects.ts";
export * from "./figures/smoothing.ts";
export * from "./result.ts";
export * from "./study.ts";
export * from "./table.ts";
export * from "./words.ts";

export default feature({
  studies: { causes: causesStudy },
  looks: [
    look(causesKind, { tables: causesTables, rows: causesRows, figures: causesFigure }),
    oneRow(rowsKind, ({ of, from, to }) => ({ of, from, to })),
  ],
  command: { flags: "--samples 4" },
});
