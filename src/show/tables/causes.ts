/** The study of causes for the terminal: by layer, then how each cause correlates with importance, then what stands out. */
import { type LayerModule, mean, type PatternName, type SmoothingName } from "../../measure/mod.ts";
import type { CauseName, Causes, Smoothed } from "../../result/mod.ts";
import { layerStreams } from "../chart/layer_streams.ts";
import { formatFixed, formatNumber, formatShare } from "../chart/numbers.ts";
import { describeDrop, KIND_NAMES, settingOf } from "../chart/setting.ts";
import { counted, present } from "../chart/summary.ts";
import { align, optional, style, type TextLook } from "./table.ts";

/** What each cause is called in print. */
export const CAUSE_TITLES: Readonly<Record<CauseName, string>> = {
  normalizedEntropy: "normalised entropy",
  firstShare: "first-token share",
  effectiveKeys: "effective keys",
  top16Mass: "mass on the top 16 keys",
  belowOnePercent: "keys below 1 % of the largest",
  meanDistance: "mean distance",
  meanCosine: "input mean cosine",
  residualToRankOne: "input residual to rank one",
  participationRatio: "input participation ratio",
  relativeMagnitude: "relative magnitude",
};

/** Massive activations that the table lists. */
const LISTED = 8;

/** Everything a person reads first; the JSON has the rest. */
export function causesTable(result: Causes, look: TextLook = {}): string {
  const title = style(look, 1);
  const { queryStride } = result.provenance.causes;
  const every = queryStride === 1 ? "every query" : `one query in ${queryStride}`;
  return [
    title(settingOf(result.provenance)),
    `${result.norm}-norm; attention patterns of ${every}`,
    "",
    layerTable(result, look),
    "",
    title("rank correlation with importance over layers, and its 95 % interval"),
    align(correlationRows(result), look, [0, 1]),
    "",
    title("tokens after the last layer, by modules dropped"),
    smoothingTable(result, look),
    "",
    ...effectLines(result),
    ...sinkLines(result),
    ...massiveLines(result),
  ].join("\n");
}

/** A pattern's mean over the heads of each layer [L]. */
export function headMean(result: Causes, name: PatternName): (number | null)[] {
  return result.patterns[name].map((heads) => heads && meanOf(heads));
}

function layerTable(result: Causes, look: TextLook): string {
  const { streamNorm, attention, mlp, smoothing: [full] } = result;
  const entropy = headMean(result, "normalizedEntropy");
  const [first, keys] = [headMean(result, "firstShare"), headMean(result, "effectiveKeys")];
  const number = (value: number | null) => optional(value, formatNumber);
  const fixed = (value: number | null) => optional(value, (value) => formatFixed(value, 3));
  const rows = streamNorm.map((norm, l) => [
    String(l),
    number(norm),
    number(attention.importance[l]),
    fixed(attention.relativeMagnitude[l]),
    fixed(entropy[l]),
    fixed(first[l]),
    optional(keys[l], (value) => formatFixed(value, 1)),
    fixed(full.attention.meanCosine.mean[l]),
    number(mlp.importance[l]),
    fixed(mlp.relativeMagnitude[l]),
    fixed(full.mlp.meanCosine.mean[l]),
    optional(full.mlp.participationRatio.mean[l], (value) => formatFixed(value, 1)),
  ]);
  const head = ["layer", "|x|", "attention", "|a|/|x|", "entropy", "first", "keys", "cosine"];
  return align([[...head, "MLP", "|m|/|X|", "cosine", "particip."], ...rows], look);
}

/** How each cause correlates with importance: a heading, and a row for each module and cause. */
export function correlationRows({ correlations }: Causes): string[][] {
  const fixed = (value: number | null) => optional(value, (value) => formatFixed(value, 2));
  const rows = correlations.map(({ module, cause, rank, low, high }) => [
    KIND_NAMES[module],
    CAUSE_TITLES[cause],
    fixed(rank),
    low === null || high === null ? "–" : `${fixed(low)} to ${fixed(high)}`,
  ]);
  return [["module", "cause", "rank", "interval"], ...rows];
}

function smoothingTable({ smoothing }: Causes, look: TextLook): string {
  const last = (smoothed: Smoothed, name: SmoothingName) => layerStreams(smoothed, name).at(-1)?.value;
  const rows = smoothing.map((smoothed) => [
    describeDrop(smoothed.drop),
    optional(last(smoothed, "meanCosine"), (value) => formatFixed(value, 3)),
    optional(last(smoothed, "participationRatio"), (value) => formatFixed(value, 2)),
  ]);
  return align([["dropped", "mean cosine", "participation"], ...rows], look, [0]);
}

function effectLines({ effects }: Causes): string[] {
  if (!effects) return [];
  const moved = (kind: LayerModule) => meanOf([effects[kind].attention, effects[kind].mlp].flat(2));
  const [attention, mlp] = [moved("attention"), moved("mlp")];
  if (attention === null || mlp === null) return [];
  return [
    `Dropping one attention module moves a later update by ${
      formatShare(attention)
    } of its size on average, dropping one MLP by ${formatShare(mlp)}`,
  ];
}

function sinkLines(
  { sink, provenance: { causes: { sink: { samples, length, threshold } } } }: Causes,
): string[] {
  return [
    `Sink rate as published: ${
      optional(sink.rate, formatShare)
    } of heads give the first token more than ${threshold} of their attention`,
    `  averaged over all queries of a sample; counted over heads, layers and ${
      counted(samples, "sample")
    } of ${length} tokens, no BOS`,
  ];
}

function massiveLines({ massive: { places, largest } }: Causes): string[] {
  if (places === 0) return ["No massive activation (|x| > 100 and 1000 times the median)"];
  return [
    `Massive activations (|x| > 100 and 1000 times the median) in ${places} places, the largest:`,
    ...largest.slice(0, LISTED).map(({ layer, position, dimension, value, samples }) =>
      `  after layer ${layer}, token ${position}, dimension ${dimension}: ${
        formatNumber(value)
      } (${samples} samples)`
    ),
  ];
}

function meanOf(values: readonly (number | null)[]): number | null {
  const there = present(values);
  return there.length ? mean(there) : null;
}
