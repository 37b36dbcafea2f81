/** The attention of each head, layer by layer: its share on the first token, and how spread out it is (claim C5). */
import type { PatternName } from "../../../measure/mod.ts";
import type { Causes } from "../../../result/mod.ts";
import { heatLegend, heatMap } from "../../chart/draw/heat.ts";
import { formatFixed, formatShare, median } from "../../chart/numbers.ts";
import { type Draw, figure } from "../../chart/svg.ts";

const EDGES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9];

/**
 * Draws each head's share of attention on the first token and its entropy as maps of head × layer. Throws `RangeError` for a model without attention.
 *
 * @example
 * ```ts
 * import { causes } from "lamina";
 * import { attentionMapFigure } from "lamina/figures";
 *
 * const result = await causes("data/series/pre-ln/step00512", { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = attentionMapFigure(result);
 * ```
 */
export const attentionMapFigure: Draw<[Causes]> = figure(
  "attention_map",
  "causes",
  ({ patterns }) => {
    const cellsOf = (name: PatternName) =>
      patterns[name].flatMap((heads, x) =>
        (heads ?? []).flatMap((value, y) => value === null ? [] : [{ x, y, value }])
      );
    const [first, entropy] = [cellsOf("firstShare"), cellsOf("normalizedEntropy")];
    if (first.length === 0) {
      throw new RangeError(
        "Cannot draw attention: found no head, expected at least one",
      );
    }
    const [share, spread] = [first, entropy].map((cells) => median(cells.map(({ value }) => value)) ?? 0);
    const sinks = first.filter(({ value }) => value > 0.3).length;
    const rows = Math.max(...first.map(({ y }) => y)) + 1;
    const look = {
      columns: patterns.firstShare.length,
      rows,
      edges: EDGES,
      part: 1 / 2,
      height: 96 + Math.max(rows * 22, 120),
      label: "layer",
      rowLabel: "head",
    };
    return {
      title: `${sinks} of ${first.length} heads give the first token more than 30 % of their attention`,
      subtitle:
        "Each cell is a head’s mean over queries and samples. Left: first-token share (high: a sink). " +
        "Right: entropy / ln t (low: sparse; 0: a single key, 1: uniform over t keys).",
      reading: `The median head gives ${formatShare(share)} of its attention to the first token and has ` +
        `${formatFixed(spread, 2)} of the maximum entropy.`,
      panels: [
        heatMap({ title: "first-token share", cells: first, ...look }),
        heatMap({ title: "normalised entropy", cells: entropy, ...look }),
        heatLegend(EDGES),
      ],
      rows: first.map(({ x, y, value }) => ({
        layer: x,
        head: y,
        first_share: value,
        normalized_entropy: patterns.normalizedEntropy[x]?.[y] ?? null,
        effective_keys: patterns.effectiveKeys[x]?.[y] ?? null,
      })),
    };
  },
);
