/** A verification as a table: how far our drop orders agree with the official ones, and both side by side. */
import { KINDS } from "../../measure/mod.ts";
import type { Verification } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { formatFixed } from "../chart/numbers.ts";
import { KIND_NAMES, settingOf } from "../chart/setting.ts";
import { origin } from "./rows.ts";
import { align, optional, style, type TextLook } from "./table.ts";

/** Agreement by kind of module, then the orders as far as the official ones are known. */
export function verifyTable(result: Verification, look: TextLook = {}): string {
  const bold = style(look, 1);
  const most = Math.max(...KINDS.map((kind) => result[kind].official.length));
  const counts = [...new Set([1, 2, 4, most])].filter((n) => n <= most);
  const agreement = KINDS.map((kind) => {
    const { rankCorrelation, overlap } = result[kind];
    return [
      KIND_NAMES[kind],
      optional(rankCorrelation, (value) => formatFixed(value, 3)),
      ...counts.map((n) => optional(overlap[n - 1], (share) => `${Math.round(share * n)} of ${n}`)),
    ];
  });
  const orders = Array.from({ length: most }, (_, i) => [
    String(i + 1),
    ...KINDS.flatMap((kind) => {
      const { order, tied, official } = result[kind];
      if (official[i] === undefined) return ["–", "–"];
      return [`${optional(order[i], String)}${tied[i] ? "~" : " "}`, String(official[i])];
    }),
  ]);
  return [
    bold(
      `drop orders of ${result.paper} compared with the official code's · ${settingOf(result.provenance)}`,
    ),
    `agreement\n${align([["", "rank corr.", ...counts.map((n) => `first ${n}`)], ...agreement], look, [0])}`,
    `layers, most redundant first: ours, then the official code's\n${
      align([["rank", ...KINDS.flatMap((kind) => [`${KIND_NAMES[kind]} `, "official"])], ...orders], look)
    }`,
    `rank corr.: between importance and the official rank, over the ${most} layers with a known rank\n` +
    "~ the samples cannot separate this rank from the next",
  ].join("\n\n");
}

/** A row for each rank that is officially known, of each kind of module. */
export function verifyRows(result: Verification): CsvRow[] {
  return KINDS.flatMap((kind) => {
    const { order, official, importance, standardError, tied, overlap } = result[kind];
    return official.map((layer, i) => ({
      ...origin(result.provenance),
      paper: result.paper,
      module: KIND_NAMES[kind],
      rank: i + 1,
      layer: order[i] ?? null,
      official: layer,
      importance: importance[order[i]] ?? null,
      standard_error: standardError[order[i]] ?? null,
      tied_with_next: String(tied[i] ?? false),
      overlap: overlap[i],
    }));
  });
}
