/** How two measurements agree: two profiles, or our importance and the official code's. */
import { computedText, formatNumber, KIND_NAMES, settingOf } from "../words/mod.ts";
import { KINDS, type ModuleKind, MODULES } from "../../measure/mod.ts";
import type { AgainstLlmDrop, Comparison, Computed } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import {
  byLayer,
  type Column,
  fixed,
  LAYER,
  layersOf,
  lines,
  moduleColumn,
  moduleRecords,
  optional,
  originOf,
  type Table,
  tableOf,
} from "./table.ts";

type Agreement = Pick<Comparison["mlp"], "rankCorrelation" | "overlap">;

function sharedColumns(
  of: (kind: ModuleKind) => Agreement,
  counts: readonly number[],
  name: string,
): Column<ModuleKind>[] {
  return [...new Set(counts)].map((n) => ({
    title: `${name} ${n}`,
    value: (kind) => optional(of(kind).overlap[n - 1], (share) => `${Math.round(share * n)} of ${n}`),
  }));
}

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
      ...sharedColumns(of, [1, 4, 8, 16].filter((n) => n < layers), "lowest"),
    ]),
  };
}

/** With the library, which may be all that differs. */
const withRuntime = (computed: Computed): string => `${computedText(computed)} (${computed.runtime})`;

/** A row a kind of module and number of lowest ones. */
export function comparisonRows({ models: [a, b], ...result }: Comparison): CsvRow[] {
  return moduleRecords(KINDS, { a, b }, (kind) => ({
    rows: layersOf(result[kind].overlap),
    columns: [
      { key: "lowest", value: (i) => i + 1 },
      { key: "overlap", value: (i) => result[kind].overlap[i] },
      { key: "rank_correlation", value: () => result[kind].rankCorrelation },
      { key: "largest_difference", value: () => result[kind].largestDifference },
    ],
  }));
}

type Against = Omit<AgainstLlmDrop, "kind" | "method" | "against">;

function againstColumns({ importance, official, difference }: Against["mlp"]): Column<number>[] {
  const signed = (value: number) => `${value < 0 ? "−" : "+"}${formatNumber(Math.abs(value))}`;
  return [
    LAYER,
    byLayer(importance, { key: "importance", title: "importance", format: formatNumber }),
    byLayer(official, { key: "official", title: "llm-drop", format: formatNumber }),
    byLayer(difference, { key: "difference", title: "difference", format: signed }),
  ];
}

/** A row for every layer of both kinds; one line where the definitions are the same. */
export function againstTables(against: Against): Table[] {
  const title = `${settingOf(against.provenance)} · compared with llm-drop`;
  if (against.same) {
    return [
      lines(
        title,
        "Both definitions agree here: no norm follows a module, so its output is added unchanged.",
      ),
    ];
  }
  return [
    lines(title),
    lines(
      undefined,
      "llm-drop omits the norms after the modules, and uses the raw attention output as the MLP's input.",
    ),
    ...MODULES.map((kind) => ({
      title: `${KIND_NAMES[kind]}, rank correlation ${optional(against[kind].rankCorrelation, fixed(3))}`,
      ...tableOf(layersOf(against[kind].importance), againstColumns(against[kind])),
    })),
  ];
}

/** A row a module, ours beside the official code's. */
export function againstRows(result: AgainstLlmDrop): CsvRow[] {
  return moduleRecords(MODULES, originOf(result.provenance), (kind) => ({
    rows: layersOf(result[kind].importance),
    columns: againstColumns(result[kind]),
  }));
}
