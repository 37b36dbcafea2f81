/** The study of causes: by layer, then how each cause correlates with importance, then what stands out. */
import { meanIn, MODULES, type PatternName, planText, type SmoothingName } from "core/measure/mod.ts";
import {
  counted,
  formatNumber,
  formatRange,
  formatShare,
  KIND_NAMES,
  reading,
  settingOf,
} from "core/show/words/mod.ts";
import { CAUSE_NAMES, type CauseName, type Causes, type Smoothed } from "./result.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import {
  byLayer,
  fixed,
  layerRecords,
  layerTable,
  lines,
  moduleColumn,
  optional,
  originOf,
  STREAM_NOTE,
  type Table,
  tableOf,
} from "core/show/tables/table.ts";

const CAUSE_TITLES: Readonly<Record<CauseName, string>> = {
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

const LISTED = 8;

/** Everything a person reads first; the JSON has the rest. */
export function causesTables(result: Causes): Table[] {
  const { norm, provenance } = result;
  const { queryStride } = provenance.causes;
  const every = queryStride === 1 ? "every query" : `one query in ${queryStride}`;
  return [
    lines(settingOf(provenance), `${norm}-norm; attention patterns of ${every}`),
    modulesTable(result),
    {
      title: "rank correlation with importance over layers, and its 95 % interval",
      ...correlationTable(result),
    },
    { title: "tokens after the last layer, by modules dropped", ...smoothingTable(result) },
    lines(undefined, ...effectLines(result), ...sinkLines(result), ...massiveLines(result)),
  ];
}

/** A pattern's mean over the heads of each layer [L]. */
export function headMean(result: Causes, name: PatternName): (number | null)[] {
  return result.patterns[name].map((heads) => heads && meanIn(heads));
}

function modulesTable(result: Causes): Table {
  const { streamNorm, attention, mlp, smoothing: [full] } = result;
  const columns = [
    byLayer(streamNorm, { title: "|x|", format: formatNumber }),
    byLayer(attention.importance, { title: "attention", format: formatNumber }),
    byLayer(attention.relativeMagnitude, { title: "|a|/|x|", format: fixed(3) }),
    byLayer(headMean(result, "normalizedEntropy"), { title: "entropy", format: fixed(3) }),
    byLayer(headMean(result, "firstShare"), { title: "first", format: fixed(3) }),
    byLayer(headMean(result, "effectiveKeys"), { title: "keys", format: fixed(1) }),
    byLayer(full.attention.meanCosine.mean, { title: "cosine", format: fixed(3) }),
    byLayer(mlp.importance, { title: "MLP", format: formatNumber }),
    byLayer(mlp.relativeMagnitude, { title: "|m|/|X|", format: fixed(3) }),
    byLayer(full.mlp.meanCosine.mean, { title: "cosine", format: fixed(3) }),
    byLayer(full.mlp.participationRatio.mean, { title: "particip.", format: fixed(1) }),
  ];
  const notes = [STREAM_NOTE, "the columns attention and MLP show their importance"];
  return { ...layerTable(streamNorm, columns), notes };
}

/** A measure and its standard error by layer, of the output of the layer's last module, or else its input. */
export function layerStreams(smoothed: Smoothed, name: SmoothingName) {
  const curves = [smoothed.mlp[name], smoothed.attention[name]];
  let stream: Record<"value" | "error", number | null> = { value: smoothed.embedding[name], error: null };
  return curves[0].mean.map((_, l) => {
    const last = curves.find(({ mean }) => mean[l] !== null);
    if (last) stream = { value: last.mean[l], error: last.standardError[l] };
    return stream;
  });
}

/** A row for each module and cause. */
export function correlationTable({ correlations }: Causes): Table {
  return tableOf(correlations, [
    moduleColumn(({ module }) => module),
    { title: "cause", value: ({ cause }) => CAUSE_TITLES[cause], align: "left" },
    { title: "rank", value: ({ rank }) => rank, format: fixed(2) },
    {
      title: "interval",
      value: ({ low, high }) => low === null || high === null ? null : formatRange(low, high),
    },
  ]);
}

function smoothingTable({ smoothing }: Causes): Table {
  const last = (name: SmoothingName) => (smoothed: Smoothed) => layerStreams(smoothed, name).at(-1)?.value;
  return tableOf(smoothing, [
    { title: "dropped", value: ({ drop }) => planText(drop), align: "left" },
    { title: "mean cosine", value: last("meanCosine"), format: fixed(3) },
    { title: "participation", value: last("participationRatio"), format: fixed(2) },
  ]);
}

/** A row a module, with each cause of its importance. */
export function causesRows(result: Causes): CsvRow[] {
  return layerRecords(MODULES, originOf(result.provenance), (kind) => {
    const { importance, sign, norm, normSpread } = result[kind];
    const own = result.correlations.filter(({ module }) => module === kind);
    const listed = CAUSE_NAMES.map((name) => [name, own.find(({ cause }) => cause === name)?.values ?? []]);
    return { importance, sign, norm, normSpread, ...Object.fromEntries(listed) };
  });
}

function effectLines({ effects }: Causes): string[] {
  if (!effects) return [];
  const [attention, mlp] = MODULES.map((kind) =>
    meanIn([effects[kind].attention, effects[kind].mlp].flat(2))
  );
  if (attention === null || mlp === null) return [];
  return [
    reading`Dropping one attention module moves a later update by ${{ share: attention }} of its size on
      average, dropping one MLP by ${{ share: mlp }}`,
  ];
}

function sinkLines({ sink, provenance }: Causes): string[] {
  const { samples, length, threshold } = provenance.causes.sink;
  return [
    reading`Sink rate as published: ${optional(sink.rate, formatShare)} of heads give the first token more
      than ${String(threshold)} of their attention`,
    reading`  averaged over all queries of a sample; counted over heads, layers and
      ${counted(samples, "sample")} of ${String(length)} tokens, no BOS`,
  ];
}

function massiveLines({ massive: { places, largest } }: Causes): string[] {
  if (places === 0) return ["No massive activation (|x| > 100 and 1000 times the median)"];
  return [
    `Massive activations (|x| > 100 and 1000 times the median) in ${places} places, the largest:`,
    ...largest.slice(0, LISTED).map(({ layer, position, dimension, value, samples, writer }) =>
      `  after layer ${layer}, token ${position}, dimension ${dimension}: ${formatNumber(value)} (${
        counted(samples, "sample")
      }${writer ? `; written by ${KIND_NAMES[writer.module]} ${writer.layer}` : ""})`
    ),
  ];
}
