/** What each head attends to, layer by layer: the first-token share, and how spread out attention is (claim C5). */
import { expect, resultOf } from "../../entry/mod.ts";
import type { PatternName } from "../../measure/mod.ts";
import type { Causes } from "../../result/mod.ts";
import { heatLegend, heatPanel } from "../chart/heat.ts";
import { formatFixed, formatShare } from "../chart/numbers.ts";
import { settingOf } from "../chart/setting.ts";
import { median } from "../chart/summary.ts";
import { drawFigure, type Figure, WIDTH } from "../chart/svg.ts";

const EDGES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9];
const MAPS = [
  { name: "firstShare", title: "first-token share" },
  { name: "normalizedEntropy", title: "normalised entropy" },
] as const;

/**
 * Draws each head's share of attention on the first token and its entropy as maps of head × layer. Throws `RangeError` for a model without attention.
 *
 * @example
 * ```ts
 * import { attentionMapFigure, causes, openSeries } from "lamina";
 *
 * const series = await openSeries("data/series/pre-ln");
 * const model = await series.checkpoints.at(-1)!.open();
 * const result = await causes(model, { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = attentionMapFigure(result);
 * model.close();
 * ```
 */
export function attentionMapFigure(result: Causes): Figure {
  expect("draw", "result", result, resultOf("causes"));
  const values = (name: PatternName) =>
    result.patterns[name].flatMap((heads, x) =>
      (heads ?? []).flatMap((value, y) => value === null ? [] : [{ x, y, value }])
    );
  const [first, entropy] = MAPS.map(({ name }) => values(name));
  if (first.length === 0) throw new RangeError("Cannot draw attention: found no head, expected at least one");
  const rows = Math.max(...first.map(({ y }) => y)) + 1;
  const sinks = first.filter(({ value }) => value > 0.3).length;
  return drawFigure({
    name: "attention_map",
    title: `${sinks} of ${first.length} heads give the first token more than 30 % of their attention`,
    subtitle:
      "Each cell is a head’s mean over queries and samples. Left: first-token share (high: a sink). " +
      "Right: entropy / ln t (low: sparse; 0: a single key, 1: uniform over t keys).",
    setting: settingOf(result.provenance),
    reading: `The median head gives ${
      formatShare(median(first.map(({ value }) => value))!)
    } of its attention to the first token and has ${
      formatFixed(median(entropy.map(({ value }) => value)) ?? 0, 2)
    } of the maximum entropy.`,
    panels: [
      ...MAPS.map(({ title }, i) =>
        heatPanel({
          title,
          cells: i === 0 ? first : entropy,
          columns: result.patterns.firstShare.length,
          rows,
          width: WIDTH / 2,
          height: 96 + Math.max(rows * 22, 120),
          label: "layer",
          rowLabel: "head",
        }, EDGES)
      ),
      heatLegend(EDGES, String),
    ],
    rows: first.map(({ x, y, value }) => ({
      layer: x,
      head: y,
      first_share: value,
      normalized_entropy: result.patterns.normalizedEntropy[x]?.[y] ?? null,
      effective_keys: result.patterns.effectiveKeys[x]?.[y] ?? null,
    })),
  });
}
