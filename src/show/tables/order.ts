/** An order as a table: first dropped first; of windows the best of each number of blocks. */
import type { DropOrder } from "../../result/mod.ts";
import { formatNumber } from "../chart/numbers.ts";
import { KIND_NAMES, settingOf } from "../chart/setting.ts";
import { align, optional, style, type TextLook } from "./table.ts";

/** What heads the column of scores. */
const SCORES: Partial<Record<DropOrder["by"], string>> = {
  loss: "loss (nats)",
  greedy: "loss (nats)",
  kl: "KL (nats)",
  iterative: "importance",
};

/** Modules in order, or windows. */
export function orderTable(result: DropOrder, look: TextLook = {}): string {
  const { target, by, seed, provenance, order } = result;
  const how = by === "random" ? `random, seed ${seed}` : by;
  const heading = style(look, 1)(`${KIND_NAMES[target]} by ${how} · ${settingOf(provenance)}`);
  const column = SCORES[by] ?? by;
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
