/**
 * How similar the tokens of a sample are, by depth (claim C6), and with modules dropped (claim C2: without MLPs a model loses
 * the ability to distinguish tokens).
 */
import { type SmoothingName, studentT95 } from "../../../measure/mod.ts";
import type { Causes, Smoothed } from "../../../result/mod.ts";
import { INK, lookOf } from "../../chart/draw/colors.ts";
import { layerChart, layerRows, layerStreams, type Line } from "../../chart/lines.ts";
import { formatFixed } from "../../chart/numbers.ts";
import { KIND_NAMES } from "../../chart/setting.ts";
import { type Draw, figure } from "../../chart/svg.ts";

/**
 * Draws mean cosine and participation ratio of the stream that leaves each layer.
 *
 * @example
 * ```ts
 * import { causes } from "lamina";
 * import { smoothingFigure } from "lamina/figures";
 *
 * const result = await causes("data/series/pre-ln/step00512", { text: "README.md", samples: 2, length: 32 });
 * const { svg, reading } = smoothingFigure(result);
 * ```
 */
export const smoothingFigure: Draw<[Causes]> = figure("smoothing", "causes", (result) => {
  const { smoothing } = result;
  const most = Math.max(...smoothing.map(({ drop }) => drop.attention.length + drop.mlp.length));
  const lines = (name: SmoothingName) =>
    smoothing.map((smoothed, i, { length }) => ({
      ...lineOf(smoothed, name, most),
      width: 1.6 + 0.9 * (length - 1 - i), // an equal line below shows at both sides
    }));
  const [cosines, ranks] = [lines("meanCosine"), lines("participationRatio")];
  const within = (["mlp", "attention"] as const).map((kind) => {
    const { mean, standardError } = smoothing[0][kind].meanCosine;
    return { label: KIND_NAMES[kind], ...lookOf(kind), values: mean, errors: standardError };
  });
  return {
    title: titleOf(cosines, result.provenance.packing.samples),
    subtitle: `Mean cosine of all token pairs in a sample. Top: after each layer${droppedText(result)}. ` +
      "Middle: the full model, after attention and after the MLP. Bottom: participation ratio, the number of " +
      "directions over which the tokens spread. Bars: ± 1 standard error.",
    reading: readingOf(result, cosines, ranks),
    panels: [
      layerChart(cosines, { label: "mean cosine after the layer", log: false, height: 300 }),
      layerChart(within, { label: "mean cosine, full model", log: false, height: 260 }),
      layerChart(ranks, { label: "participation ratio (log)", log: true, height: 300 }),
    ],
    rows: [["mean cosine", cosines] as const, ["participation ratio", ranks] as const].flatMap((
      [measure, series],
    ) => layerRows(series, { series: "dropped", value: "value" }).map((row) => ({ measure, ...row }))),
  };
});

/** ", with 4 and 8 modules dropped by importance (dashed: the smaller number)" */
function droppedText({ smoothing }: Causes): string {
  const counts = new Set(smoothing.map(({ drop }) => drop.attention.length + drop.mlp.length));
  counts.delete(0);
  if (counts.size === 0) return "";
  return `, with ${[...counts].join(" and ")} modules dropped by importance${
    counts.size > 1 ? " (dashed: the smaller number)" : ""
  }`;
}

function lineOf(smoothed: Smoothed, name: SmoothingName, most: number): Line {
  const { attention, mlp } = smoothed.drop;
  const kind = attention.length > 0 ? "attention" : "mlp";
  const n = attention.length + mlp.length;
  const streams = layerStreams(smoothed, name);
  return {
    label: n === 0 ? "full" : `−${n} ${kind === "mlp" ? "MLP" : "attn."}`,
    ...n === 0 ? { color: INK, shape: "diamond" } : lookOf(kind),
    values: streams.map(({ value }) => value),
    errors: streams.map(({ error }) => error),
    ...n > 0 && n < most ? { dash: "6 4" } : {},
  };
}

const lastOf = ({ values }: Line) => values.findLast((value) => value !== null) ?? NaN;

/** Each drop with "cannot tell" where the intervals do not tell its cosine from the full model's. */
function titleOf(lines: readonly Line[], samples: number): string {
  const [full, attention, mlp] = [
    lines[0],
    lines.findLast(({ label }) => /attn/.test(label)),
    lines.findLast(({ label }) => /MLP/.test(label)),
  ];
  if (!attention || !mlp) {
    return `After the last layer, tokens have a mean cosine of ${formatFixed(full ? lastOf(full) : NaN, 2)}`;
  }
  const n = /\d+/.exec(lines.at(-1)!.label)![0];
  const without = (line: Line) => {
    const same = differ(line, full, samples) ? "" : " (cannot tell from the full model)";
    return `${formatFixed(lastOf(line), 2)}${same}`;
  };
  return `Mean cosine after the last layer: ${formatFixed(lastOf(full), 2)}; without ${n} attention modules ${
    without(attention)
  }, without ${n} MLPs ${without(mlp)}`;
}

/** Whether two last values differ by their 95 % intervals over the samples, which are the same: this errs towards "cannot tell". */
function differ(one: Line, other: Line, samples: number): boolean {
  const errors = [one, other].map(({ values, errors }) =>
    errors[values.findLastIndex((value) => value !== null)] ?? null
  );
  if (samples < 2 || errors.includes(null)) return false;
  const half = studentT95(samples) * Math.hypot(...errors as number[]);
  return Math.abs(lastOf(one) - lastOf(other)) > half;
}

function readingOf(
  { smoothing: [{ embedding }] }: Causes,
  cosines: readonly Line[],
  ranks: readonly Line[],
): string {
  const ends = cosines.map((line, i) =>
    `${line.label}: cosine ${formatFixed(lastOf(line), 3)}, participation ${formatFixed(lastOf(ranks[i]), 2)}`
  );
  return `At the embedding: cosine ${formatFixed(embedding.meanCosine ?? NaN, 3)}, participation ${
    formatFixed(embedding.participationRatio ?? NaN, 1)
  }. After the last layer, ${ends.join("; ")}.`;
}
