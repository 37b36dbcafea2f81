/** How a mixture's experts are used, layer by layer. */
import type { Mixtures } from "../../result/mod.ts";
import { formatFixed, formatShare } from "../chart/numbers.ts";
import { align, style, type TextLook } from "./table.ts";

export const MIXTURES = "Mixtures: how experts are used";
export const MIXTURE_HEAD = [
  "layer",
  "experts",
  "busiest",
  "least busy",
  "unused",
  "entropy (nats)",
  "entropy / ln X",
];

/** A row for each layer that has a mixture. */
export function mixtureRows({ load, entropy, unused }: Mixtures): string[][] {
  return load.flatMap((shares, layer) => {
    if (!shares) return [];
    const nats = entropy[layer]!;
    return [[
      String(layer),
      String(shares.length),
      formatShare(Math.max(...shares)),
      formatShare(Math.min(...shares)),
      formatShare(unused[layer]!),
      formatFixed(nats, 3),
      shares.length > 1 ? formatShare(nats / Math.log(shares.length)) : "–",
    ]];
  });
}

/** A table for the terminal. */
export function mixtureTable(mixtures: Mixtures, look: TextLook): string {
  return `${style(look, 1)(MIXTURES)}\n${align([MIXTURE_HEAD, ...mixtureRows(mixtures)], look)}`;
}
