import { type Estimate, type SmoothingName } from "core/measure/mod.ts";
import type { Causes, Smoothed } from "../result.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { INK, lookOfKind } from "core/show/chart/draw/colors.ts";
import { type Group, lineChart, upFrom } from "core/show/chart/plots.ts";
import { type Draw, figure } from "core/show/chart/svg.ts";
import { layerStreams } from "../table.ts";
import { type Finding, KIND_NAMES, modules, reading } from "core/show/words/mod.ts";

const MEASURES = [
  { measure: "mean cosine", name: "meanCosine" },
  { measure: "participation ratio", name: "participationRatio" },
] as const;

/** Draws mean cosine and participation ratio of the stream that leaves each layer (claim C6), also with modules dropped (claim C2). */
export const smoothingFigure: Draw<[Causes]> = figure("smoothing", "causes", (result) => {
  const [full] = result.smoothing;
  const [cosines, ranks] = MEASURES.map(({ measure, name }) => linesOf(result, measure, name));
  const within = (["mlp", "attention"] as const).map((kind) => {
    const { mean, standardError } = full[kind].meanCosine;
    const rows = mean.map((value, layer) => ({ layer, value, standard_error: standardError[layer] }));
    return { label: KIND_NAMES[kind], ...lookOfKind(kind), rows };
  });
  const chart = (lines: readonly Group<CsvRow>[], label: string, height: number) =>
    lineChart(lines, "layer", "value", {
      height,
      error: "standard_error",
      up: upFrom(label, { log: label.endsWith("(log)") }),
    });
  return {
    rows: [...cosines, ...ranks].flatMap(({ rows }) => rows),
    title: finding(cosines),
    shows: [
      `Mean cosine of all token pairs in a sample. Top: after each layer${droppedText(result)}.`,
      "Middle: the full model, after attention and after the MLP. Bottom: participation ratio, the number of directions",
      "over which the tokens spread. Bars: ± 1 standard error.",
    ],
    reads: [ends(full, cosines, ranks)],
    panels: [
      chart(cosines, "mean cosine after the layer", 300),
      chart(within, "mean cosine, full model", 260),
      chart(ranks, "participation ratio (log)", 300),
    ],
  };
});

/** ", with 4 and 8 modules dropped by importance (dashed: the smaller number)" */
function droppedText({ smoothing }: Causes): string {
  const counts = new Set(smoothing.map(({ drop }) => drop.attention.length + drop.mlp.length));
  counts.delete(0);
  if (counts.size === 0) return "";
  const dashed = counts.size > 1 ? " (dashed: the smaller number)" : "";
  return `, with ${[...counts].join(" and ")} modules dropped by importance${dashed}`;
}

type Line = ReturnType<typeof linesOf>[number];

function linesOf({ smoothing }: Causes, measure: string, name: SmoothingName) {
  const counts = smoothing.map(({ drop: { attention, mlp } }) => attention.length + mlp.length);
  return smoothing.map((smoothed: Smoothed, i) => {
    const kind = smoothed.drop.attention.length > 0 ? "attention" as const : "mlp" as const;
    const label = counts[i] === 0 ? "full" : `−${counts[i]} ${kind === "mlp" ? "MLP" : "attn."}`;
    const rows = layerStreams(smoothed, name).map(({ value, error }, layer) => (
      { measure, dropped: label, layer, value, standard_error: error }
    ));
    const last = rows.findLast(({ value }) => value !== null);
    return {
      label,
      kind,
      dropped: counts[i],
      ...counts[i] === 0 ? { color: INK, shape: "diamond" as const } : lookOfKind(kind),
      ...counts[i] > 0 && counts[i] < Math.max(...counts) ? { dash: "6 4" } : {},
      width: 1.6 + 0.9 * (smoothing.length - 1 - i), // an equal line below shows at both sides
      rows,
      last: { fixed: last?.value ?? NaN },
      change: smoothed.change,
    };
  });
}

/** Each drop with "cannot tell" where the interval of its change includes no change. */
function finding(lines: readonly Line[]): Finding {
  const [full, ...drops] = lines;
  const [attention, mlp] = (["attention", "mlp"] as const).map((kind) =>
    drops.findLast((line) => line.kind === kind && line.dropped > 0)
  );
  const last = ({ last: { fixed } }: Line) => ({ fixed, decimals: 2 });
  if (!attention || !mlp) {
    return { topic: reading`After the last layer, tokens have a mean cosine of ${last(full)}` };
  }
  const without = (line: Line) => {
    const same = !isChange(line.change) && " (cannot tell from the full model)";
    return reading`${modules(line.kind, lines.at(-1)!.dropped)} ${last(line)}${same}`;
  };
  return {
    found: reading`Mean cosine after the last layer: ${last(full)}; without ${without(attention)}, without
      ${without(mlp)}`,
  };
}

/** Whether the interval excludes 0; there is none for a single sample. */
const isChange = (change: Estimate | null) => (change?.low ?? -1) > 0 || (change?.high ?? 1) < 0;

function ends({ embedding }: Smoothed, cosines: readonly Line[], ranks: readonly Line[]): string {
  const pair = (cosine: number, participation: number, decimals: number) =>
    reading`cosine ${{ fixed: cosine, decimals: 3 }}, participation ${{ fixed: participation, decimals }}`;
  const after = cosines.map(({ label, last }, i) => `${label}: ${pair(last.fixed, ranks[i].last.fixed, 2)}`);
  const before = pair(embedding.meanCosine ?? NaN, embedding.participationRatio ?? NaN, 1);
  return `At the embedding: ${before}. After the last layer, ${after.join("; ")}.`;
}
