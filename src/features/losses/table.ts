import type { Perplexity } from "./result.ts";
import { changedText, formatNumber, formatShare, settingOf, sharedLines } from "core/show/words/mod.ts";
import { planText } from "core/measure/mod.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { type Column, fixed, originOf, recordsOf, type Table, tableOf } from "core/show/tables/table.ts";

/** What a perplexity and a point of a sweep have in common. */
export const QUALITY: readonly Column<
  Pick<Perplexity, "perplexity" | "nll" | "standardError" | "kl" | "top1">
>[] = [
  { key: "perplexity", title: "perplexity", value: ({ perplexity }) => perplexity, format: formatNumber },
  { key: "nll", title: "nats/token", value: ({ nll }) => nll, format: fixed(4) },
  { key: "standard_error", title: "± s.e.", value: ({ standardError }) => standardError, format: fixed(4) },
  { key: "kl", title: "KL (nats)", value: ({ kl }) => kl, format: fixed(4) },
  { key: "top1", title: "same top-1", value: ({ top1 }) => top1, format: formatShare },
];

export function perplexityTables(results: readonly Perplexity[]): Table[] {
  if (results.length === 0) return [];
  const [{ provenance }] = results;
  const dropped: Column<Perplexity> = {
    title: "dropped",
    value: ({ provenance }) => alteredText(provenance),
    align: "left",
  };
  return [{
    title: settingOf({ ...provenance, drop: { attention: [], mlp: [] }, changed: undefined }),
    ...tableOf(results, [...QUALITY, dropped]),
    notes: sharedLines(results),
  }];
}

export function perplexityRows(result: Perplexity): CsvRow[] {
  const { provenance } = result;
  return recordsOf([result], QUALITY, { ...originOf(provenance), dropped: alteredText(provenance) });
}

function alteredText(provenance: Perplexity["provenance"]): string {
  return [planText(provenance.drop), changedText(provenance)].filter((text) => text !== "").join("; ");
}
