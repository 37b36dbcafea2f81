/** How two profiles agree. */
import { computedText, formatNumber } from "../words/mod.ts";
import { KINDS, type ModuleKind } from "../../measure/mod.ts";
import type { Comparison, Computed } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { type Column, fixed, moduleColumn, optional, type Table, tableOf } from "./table.ts";

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
