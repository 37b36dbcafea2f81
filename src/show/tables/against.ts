/** Importance beside the official code's, as a table for the terminal. */
import { MODULES } from "../../measure/mod.ts";
import type { AgainstLlmDrop } from "../../result/mod.ts";
import { formatFixed, formatNumber } from "../chart/numbers.ts";
import { KIND_NAMES, settingOf } from "../chart/setting.ts";
import { align, optional, style, type TextLook } from "./table.ts";

/** A row for every layer of both kinds; one line where the definitions are the same. */
export function againstTable(
  against: Omit<AgainstLlmDrop, "kind" | "method" | "against">,
  look: TextLook = {},
): string {
  const bold = style(look, 1);
  const head = bold(`${settingOf(against.provenance)} · compared with llm-drop`);
  if (against.same) {
    return `${head}\nBoth definitions agree here: no norm follows a module, so its output is added ` +
      "unchanged.";
  }
  const tables = MODULES.map((kind) => {
    const { importance, official, difference, rankCorrelation } = against[kind];
    const rows = importance.map((value, layer) => [
      String(layer),
      optional(value, formatNumber),
      optional(official[layer], formatNumber),
      optional(difference[layer], (d) => `${d < 0 ? "−" : "+"}${formatNumber(Math.abs(d))}`),
    ]);
    return `${bold(KIND_NAMES[kind])}, rank correlation ${
      optional(rankCorrelation, (r) => formatFixed(r, 3))
    }\n${align([["layer", "importance", "llm-drop", "difference"], ...rows], look)}`;
  });
  return [
    head,
    "llm-drop omits the norms after the modules, and uses the raw attention output in the MLP's X.",
    ...tables,
  ].join("\n\n");
}
