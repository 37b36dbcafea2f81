/** Guides: each score's rank correlation with the loss of single removals. */
import { KINDS } from "../../measure/mod.ts";
import type { Guides } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { guideTitle } from "../chart/scores.ts";
import { settingOf } from "../chart/setting.ts";
import { fixed, layerRecords, moduleColumn, originOf, type Table, tableOf } from "./table.ts";

/** A row for each score of each kind. */
export function guidesTable({ guides, provenance }: Guides): Table {
  const format = fixed(2);
  return {
    title: `guides to the loss of a removal · ${settingOf(provenance)}`,
    ...tableOf(guides, [
      moduleColumn(({ module }) => module),
      { title: "score", value: ({ by }) => guideTitle(by), align: "left" },
      { title: "rank corr.", value: ({ rank }) => rank, format },
      { title: "low", value: ({ low }) => low, format },
      { title: "high", value: ({ high }) => high, format },
      { title: "modules", value: ({ modules }) => modules },
    ]),
    notes: [
      "",
      "rank correlation of each score with the loss after removing the module alone; 95 % interval over modules",
    ],
  };
}

/** A row a module, with each of its scores beside its loss; a score that its kind lacks is missing. */
export function guidesRows({ provenance, loss, guides }: Guides): CsvRow[] {
  const missing = Object.fromEntries(guides.map(({ by }) => [by, []]));
  return layerRecords(KINDS, originOf(provenance), (kind) => {
    const own = guides.filter(({ module }) => module === kind).map(({ by, values }) => [by, values]);
    return { loss: loss[kind], ...missing, ...Object.fromEntries(own) };
  });
}
