/** Guides as a table: every score's rank correlation with the loss of single removals. */
import type { Guides } from "../../result/mod.ts";
import { formatFixed } from "../chart/numbers.ts";
import { guideTitle } from "../chart/scores.ts";
import { KIND_NAMES, settingOf } from "../chart/setting.ts";
import { align, optional, style, type TextLook } from "./table.ts";

/** A line for each score of each kind. */
export function guidesTable(result: Guides, look: TextLook = {}): string {
  const two = (value: number | null) => optional(value, (number) => formatFixed(number, 2));
  const rows = result.guides.map(({ module, by, rank, low, high, modules }) => [
    KIND_NAMES[module],
    guideTitle(by),
    two(rank),
    two(low),
    two(high),
    String(modules),
  ]);
  const head = ["module", "score", "rank corr.", "low", "high", "modules"];
  return `${style(look, 1)(`guides to the loss of a removal · ${settingOf(result.provenance)}`)}\n${
    align([head, ...rows], look, [0, 1])
  }\n\nrank correlation of each score with the loss after removing the module alone; 95 % interval over modules`;
}
