import { median } from "core/measure/mod.ts";
import type { Causes } from "../result.ts";
import { heatMaps } from "core/show/chart/draw/heat.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { reading } from "core/show/words/mod.ts";

const EDGES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9];

const MAPS = [
  { column: "first_share", title: "first-token share" },
  { column: "normalized_entropy", title: "normalised entropy" },
] as const;

/** Draws each head's share of attention on the first token and its entropy as maps of head × layer (claim C5). Throws `RangeError` for a model without attention. */
export const attentionMapFigure: Draw<[Causes]> = figure("attention_map", "causes", ({ patterns }) => {
  const rows = patterns.firstShare.flatMap((heads, layer) =>
    (heads ?? []).flatMap((share, head) =>
      share === null ? [] : [{
        layer,
        head,
        first_share: share,
        normalized_entropy: patterns.normalizedEntropy[layer]?.[head] ?? null,
        effective_keys: patterns.effectiveKeys[layer]?.[head] ?? null,
      }]
    )
  );
  if (rows.length === 0) throw new RangeError("Cannot draw attention: found no head, expected at least one");
  const [share, spread] = MAPS.map(({ column }) => median(rows.map((row) => row[column])) ?? 0);
  const sinks = rows.filter(({ first_share }) => first_share > 0.3).length;
  const maps = MAPS.map(({ column, title }) => ({
    title,
    cells: rows.flatMap(({ layer: x, head: y, [column]: value }) => value === null ? [] : [{ x, y, value }]),
  }));
  const heads = Math.max(...rows.map(({ head }) => head)) + 1;
  return {
    rows,
    title: `${sinks} of ${rows.length} heads give the first token more than 30 % of their attention`,
    shows: [
      "Each cell is a head’s mean over queries and samples. Left: first-token share (high: a sink).",
      "Right: entropy / ln t (low: sparse; 0: a single key, 1: uniform over t keys).",
    ],
    reads: [
      reading`The median head gives ${{ share }} of its attention to the first token and has
        ${{ fixed: spread, decimals: 2 }} of the maximum entropy.`,
    ],
    panels: heatMaps(maps, EDGES, {
      size: [patterns.firstShare.length, heads],
      labels: ["layer", "head"],
      height: 96 + Math.max(heads * 22, 120),
    }),
  };
});
