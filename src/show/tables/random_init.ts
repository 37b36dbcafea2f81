/** An untrained model's importances by layer, as a table for the terminal. */
import type { RandomInit } from "../../result/mod.ts";
import { formatNumber } from "../chart/numbers.ts";
import { settingOf } from "../chart/setting.ts";
import { align, optional, style, type TextLook } from "./table.ts";

/** Mean and spread over seeds, layer by layer. */
export function randomInitTable(result: RandomInit, look: TextLook = {}): string {
  const { shape, seeds, attention, mlp, block, streamNorm, provenance } = result;
  const number = (value: number | null) => optional(value, formatNumber);
  const rows = streamNorm.map((norm, l) => [
    String(l),
    number(norm),
    ...[attention, mlp, block].flatMap(({ importance, spread }) =>
      seeds.length > 1 ? [number(importance[l]), number(spread[l])] : [number(importance[l])]
    ),
  ]);
  const head = ["attention", "MLP", "block"].flatMap((name) => seeds.length > 1 ? [name, "± seeds"] : [name]);
  const { hidden, layers, heads, kvHeads, headSize, feedForward, vocabulary, norm } = shape;
  return [
    style(look, 1)(settingOf(provenance)),
    `D ${hidden}, L ${layers}, H ${heads}, K ${kvHeads}, E ${headSize}, F ${feedForward}, V ${vocabulary}, ${norm}-norm; ` +
    `seed${seeds.length > 1 ? "s" : ""} ${seeds.join(", ")}`,
    "",
    align([["layer", "|x|", ...head], ...rows], look),
  ].join("\n");
}
