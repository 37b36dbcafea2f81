/** An order as a table: first dropped first; of windows the best of each number of blocks. */
import { type DropOrder, SCORES } from "../../result/mod.ts";
import { formatNumber } from "../chart/numbers.ts";
import { orderName } from "../chart/scores.ts";
import { KIND_NAMES, settingOf } from "../chart/setting.ts";
import { align, optional, style, type TextLook } from "./table.ts";

/** Modules in order, or windows. */
export function orderTable(result: DropOrder, look: TextLook = {}): string {
  const { target, by, provenance, order } = result;
  const heading = style(look, 1)(`${KIND_NAMES[target]} by ${orderName(result)} · ${settingOf(provenance)}`);
  const column = SCORES[by].column ?? by;
  if (target !== "consecutive") {
    const rows = order.map(({ module, layer, score }, i) => [
      String(i + 1),
      KIND_NAMES[module],
      String(layer),
      optional(score, formatNumber),
    ]);
    return `${heading}\n${align([["order", "module", "layer", column], ...rows], look, [1])}`;
  }
  const rows = bestWindows(result).map(({ layer, size, score }) => [
    String(size),
    `${layer}–${layer + size - 1}`,
    optional(score, formatNumber),
  ]);
  return `${heading}\n${align([["blocks", "best window", column], ...rows], look)}`;
}

/** The first of each size. */
export function bestWindows({ order }: DropOrder): DropOrder["order"] {
  return order.filter(({ size }, i) => i === 0 || order[i - 1].size !== size);
}
