/** Two models' answers to the same documents, as another tool logged them. */
import {
  computedText,
  formatNumber,
  formatPoints,
  formatPointsRange,
  formatShare,
  formatWhole,
  KIND_NAMES,
  modelOf,
  tokensOf,
} from "core/show/words/mod.ts";
import { type Estimate, KINDS, type ModuleKind, MODULES, planPhrase, planText } from "core/measure/mod.ts";
import {
  type Certificate,
  type Comparison,
  QUANTILES,
  type SamplesComparison,
  samplesName,
} from "./result.ts";
import type { Computed } from "core/result/mod.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import {
  byLayer,
  type Column,
  fixed,
  layerTable,
  moduleColumn,
  optional,
  originOf,
  record,
  type Table,
  tableOf,
} from "core/show/tables/table.ts";
import { formatBytes } from "core/entry/mod.ts";

const KIND = { ...moduleColumn((kind: ModuleKind) => kind), title: "" };

/** Two profiles side by side: rank correlation, and how many of the n most redundant both share. */
export function comparisonTable(comparison: Omit<Comparison, "kind" | "method">): Table {
  const { models, computed } = comparison;
  const of = (kind: ModuleKind) => comparison[kind];
  const layers = Math.max(...KINDS.map((kind) => of(kind).overlap.length));
  return {
    title: models.join("  vs  "),
    note: computed && `computed in ${computed.map(withRuntime).join("  vs  ")}`,
    ...tableOf(KINDS, [
      KIND,
      { title: "rank corr.", value: (kind) => of(kind).rankCorrelation, format: fixed(3) },
      { title: "largest diff.", value: (kind) => of(kind).largestDifference, format: formatNumber },
      ...[1, 4, 8, 16].filter((n) => n < layers).map((n): Column<ModuleKind> => ({
        title: `lowest ${n}`,
        value: (kind) => optional(of(kind).overlap[n - 1], (share) => `${Math.round(share * n)} of ${n}`),
      })),
    ]),
  };
}

/** With the library, which may be all that differs. */
const withRuntime = (computed: Computed): string => `${computedText(computed)} (${computed.runtime})`;

/** A row a kind of module and number of lowest ones. */
export function comparisonRows({ models: [a, b], ...result }: Comparison): CsvRow[] {
  return KINDS.flatMap((module) => {
    const { overlap, rankCorrelation, largestDifference } = result[module];
    const own = { rank_correlation: rankCorrelation, largest_difference: largestDifference };
    return overlap.map((overlap, i) => ({ a, b, module, lowest: i + 1, overlap, ...own }));
  });
}

/** The sides of the stream. */
export const SIDES = ["across", "along"] as const;

/** A number of a certificate: its names in CSV and in print, and how it is written. */
type Line = readonly [
  measure: string,
  title: string,
  found: Estimate | null,
  format?: (value: number) => string,
];

/** The second model by its name, or the first under the plan. */
export const secondOf = ({ provenance: { model, drop }, of }: Certificate): string =>
  model.fingerprint === of.fingerprint ? `${modelOf(model)} ${planPhrase(drop)}` : modelOf(model);

function linesOf({ bytes, perplexity, rise, kl, quantiles, top1, moves }: Certificate): Line[] {
  const exact = (value: number | null) => value === null ? null : { value, low: null, high: null };
  const each = (measure: string, title: string, values: readonly (number | null)[], format = formatNumber) =>
    values.map((own, i): Line => [`${measure}_${"ab"[i]}`, `${title}, ${"AB"[i]}`, exact(own), format]);
  return [
    ...each("bytes", "weights", bytes, formatBytes),
    ...each("perplexity", "perplexity", perplexity, fixed(2)),
    ["rise", "rise, nats per token", rise],
    ["kl", "mean KLD", kl],
    ...QUANTILES.map((share, i): Line => {
      const title = share === 1 ? "maximum" : share === 0.5 ? "median" : `${100 * share} %`;
      return [`kl_${100 * share}`, `${title} KLD`, exact(quantiles[i])];
    }),
    ["top1", "same top p", top1, formatShare],
    ...SIDES.map((side): Line => [side, `|e| / |u| ${side}`, moves && moves[side], formatShare]),
  ];
}

export function certificateTables(result: Certificate): Table[] {
  const { provenance, of, within, equal, moves } = result;
  const columns = MODULES.flatMap((kind) =>
    SIDES.map((side) => {
      const shares = moves?.[kind][side].map((found) => found?.value ?? null) ?? [];
      return byLayer(shares, { title: `${KIND_NAMES[kind]} ${side}`, format: formatShare });
    })
  );
  return [{
    title: `certificate · A: ${modelOf(of)} · B: ${secondOf(result)}`,
    note: `${tokensOf(provenance)} · ${computedText(provenance)}`,
    ...tableOf(linesOf(result).filter(([, , found]) => found), [
      { title: "", value: ([, title]) => title, align: "left" },
      { title: "value", value: ([, , found, format = formatNumber]) => format(found!.value) },
      {
        title: "95 % interval",
        value: ([, , found, format = formatNumber]) =>
          found!.low === null ? null : `${format(found!.low)} … ${format(found!.high!)}`,
      },
    ]),
    notes: [
      `equal within ${within} nats per token: ${equal}`,
      "rise: of the loss of B over that of A, paired over samples; KLD: KL(A ‖ B) of each token's prediction in nats; same top p: tokens whose first choice is the same",
      moves
        ? "|e| / |u|: means over tokens, where a module's update u in A is u + e in B, across the stream that u is added to and along it"
        : "updates are not compared: the models differ in layers or width",
    ],
  }, ...moves ? [{ title: "|e| / |u| by layer", ...layerTable(moves.attention.along, columns) }] : []];
}

/** A row for each number, and for each kind of module, side of the stream and layer. */
export function certificateRows(result: Certificate): CsvRow[] {
  const { provenance, of, within, equal, moves } = result;
  const origin = { ...originOf(provenance), of: of.name, dropped: planText(provenance.drop), within, equal };
  const row = (measure: string, found: Estimate | null, module?: string, layer?: number) => (
    {
      ...origin,
      ...record({ measure, module, layer, value: found?.value, low: found?.low, high: found?.high }),
    }
  );
  const byModule = (module: typeof MODULES[number]) =>
    SIDES.flatMap((side) => moves?.[module][side].map((found, l) => row(side, found, module, l)) ?? []);
  return [...linesOf(result).map(([measure, , found]) => row(measure, found)), ...MODULES.flatMap(byModule)];
}

type Row = SamplesComparison["tasks"][number];

export function samplesTable({ names, tasks, average, apart }: SamplesComparison): Table {
  const rows: (Partial<Row> & Pick<Row, "task" | "change">)[] = [
    ...tasks,
    ...average ? [{ task: "average", change: average }] : [],
  ];
  const share = (side: 0 | 1): Column<(typeof rows)[number]> => ({
    title: "AB"[side],
    value: ({ accuracy }) => accuracy && formatShare(accuracy[side]),
  });
  return {
    title: `A: ${names[0]}   B: ${names[1]}`,
    ...tableOf(rows, [
      { title: "task", value: samplesName, align: "left" },
      { title: "metric", value: ({ metric }) => metric, align: "left" },
      { title: "n", value: ({ change }) => formatWhole(change.n) },
      share(0),
      share(1),
      { title: "change", value: ({ change }) => change.difference, format: formatPoints },
      { title: "95 % interval", value: ({ change: { low, high } }) => formatPointsRange(low, high) },
      { title: "gained", value: ({ gained }) => gained },
      { title: "lost", value: ({ lost }) => lost },
      { title: "p", value: ({ mcnemar }) => mcnemar, format: (p) => formatNumber(p as number) },
      { title: `within ${formatPoints(tasks[0].change.margin)}`, value: ({ change }) => change.verdict },
    ]),
    notes: [
      "change: B minus A in points, over the same documents; gained, lost: documents that only B answers right, only A; p: McNemar's exact test",
      ...Object.entries(apart).flatMap(([task, own]) => notesOf(task, own)),
    ],
  };
}

function notesOf(task: string, { only, prompts, metrics }: SamplesComparison["apart"][string]): string[] {
  const [a, b] = only.map(formatWhole);
  return [
    only.some((count) => count > 0) &&
    `${task}: left out ${a} documents that only A has, and ${b} that only B has`,
    prompts > 0 && `${task}: prompts differ in ${formatWhole(prompts)} documents`,
    metrics.length > 0 && `${task}: left out ${metrics.join(", ")}, not 0 or 1 for every document`,
  ].filter((note) => typeof note === "string");
}

export function samplesRows({ names: [a, b], tasks }: SamplesComparison): CsvRow[] {
  return tasks.map(({ task, filter, metric, accuracy, stderr, gained, lost, mcnemar, change }) => {
    const { n, difference, low, high, equivalence, margin, verdict } = change;
    return {
      ...{ a, b, task, filter, metric, n, accuracy_a: accuracy[0], accuracy_b: accuracy[1] },
      ...{ stderr_a: stderr[0], stderr_b: stderr[1], gained, lost, mcnemar },
      ...{ change: difference, low, high, equivalence, margin, verdict },
    };
  });
}
