/** How results of each kind look, the other half of its manifest: tables in print, rows for CSV and data frames, a figure. */
import type { Content } from "../disk/mod.ts";
import { expect, list, orElse } from "../entry/mod.ts";
import { anyResult, type Kind, type ResultOf } from "../result/mod.ts";
import { type CsvRow, csvText } from "./chart/csv.ts";
import { pictureFile } from "./chart/files/save.ts";
import type { Figure } from "./chart/svg.ts";
import {
  importanceFigure,
  type ProfileLook,
  profileRows,
  profileTables,
} from "../../features/profile/mod.ts";
import { depthFigure, depthRows, depthTables } from "../../features/depth/mod.ts";
import {
  certificateFigure,
  certificateRows,
  certificateTables,
  comparisonRows,
  comparisonTable,
  samplesRows,
  samplesTable,
} from "../../features/compare/mod.ts";
import { qualityFigure, sweepRows, sweepTable } from "../../features/sweep/mod.ts";
import { fitFigure, fitRows, fitTables } from "../../features/fit/mod.ts";
import {
  guidesFigure,
  guidesRows,
  guidesTable,
  orderRows,
  orderTable,
  planRows,
  planTables,
} from "../../features/orders/mod.ts";
import { causesFigure, causesRows, causesTables } from "../../features/causes/mod.ts";
import { checkpointMapFigure, checkpointRows, checkpointTables } from "../../features/training/mod.ts";
import {
  rooflineFigure,
  rooflineRows,
  rooflineTables,
  speedFigure,
  speedRows,
  speedTables,
} from "../../features/speed/mod.ts";
import { evaluationRows, evaluationTables } from "../../features/evaluate/mod.ts";
import { perplexityRows, perplexityTables } from "../../features/losses/mod.ts";
import { infoRows, infoTables } from "../../features/info/mod.ts";
import { lines, recordTable, type Table } from "./tables/table.ts";
import { style, tablesText, type TextLook } from "./tables/text.ts";
import { randomInitRows, randomInitTables } from "../../features/untrained/mod.ts";
import { planText } from "../measure/mod.ts";
import { wrap } from "./plain.ts";

type Of<K extends Kind> = ResultOf<K>;

function recorded<R>(rows: (result: R) => CsvRow[]) {
  return { tables: (result: R) => recordTable(rows(result)), rows };
}

/** Results that are parts of others, plans of shards, texts, checks of a machine: one record for each entry of a list. */
const parts = {
  generate: recorded(({ model: { name: model, format }, prompt, texts }: Of<"generate">) =>
    texts.map(({ plan, ids, text, ended }) => (
      { model, format, dropped: planText(plan), prompt, text, tokens: ids.length, ended }
    ))
  ),
  loss: {
    ...recorded(({ provenance: { drop }, nll, kl }: Of<"loss">) => [{ dropped: planText(drop), nll, kl }]),
    isOneRow: true,
  },
  replacement: recorded(({ layer, module, strength, left }: Of<"replacement">) => [
    { module, layer, strength, left },
  ]),
  rows: { ...recorded(({ of, from, to }: Of<"rows">) => [{ of, from, to }]), isOneRow: true },
  task: recorded(({ items }: Of<"task">) =>
    items.map(({ index, acc = null, acc_norm = null }) => ({ document: index, acc, acc_norm }))
  ),
  written: recorded(({ texts }: Of<"written">) =>
    texts.map((ids, prompt) => ({ prompt, tokens: ids.length }))
  ),
  shards: recorded(({ shards }: Of<"shards">) =>
    shards.map(({ index, stage, name, cost }) => ({ index, stage, name, flops: cost }))
  ),
  shard: {
    ...recorded((
      { shard: { name }, host, seconds, made }: Of<"shard">,
    ) => [{ shard: name, host, seconds, made }]),
    isOneRow: true,
  },
  doctor: {
    tables: doctorTable,
    rows: ({ findings }: Of<"doctor">) =>
      findings.map(({ part, works, found, remedy = null }) => (
        { part, works: String(works), found, remedy }
      )),
  },
};

/** The figure of a kind whose results are drawn one by one. */
const single = <R>(draw: (result: R) => Figure | null) => (results: readonly R[]): Figure | null =>
  results.length === 1 ? draw(results[0]) : null;

const combined = <R>(together: (results: readonly R[]) => Table[]) => ({
  together,
  tables: (result: R) => together([result]),
});

/** ✓ for a part that works, – for one that does not; beside it the finding, below it the remedy. */
function doctorTable({ findings }: Of<"doctor">, look: TextLook = {}): Table {
  const width = Math.max(...findings.map(({ part }) => part.length));
  const [yes, no, arrow] = look.utf8 ? ["✓", "–", "→"] : ["+", "-", ">"];
  const [bold, dim] = [style(look, 1), style(look, 2)];
  const { columns = Infinity } = look;
  const indent = width + 4;
  const shown = findings.flatMap(({ part, works, found, remedy }) => [
    ...wrap(`${works ? yes : no} ${bold(part.padEnd(width))}  ${found}`, columns, indent),
    ...remedy ? wrap(`${" ".repeat(indent)}${arrow} ${remedy}`, columns, indent + 2).map(dim) : [],
  ]);
  return lines(undefined, ...shown);
}

export interface Look<R> {
  tables(result: R, look: ProfileLook): Table | Table[];
  /** Several results in print, where they share a table. */
  together?(results: readonly R[]): Table[];
  rows(result: R): CsvRow[];
  readonly isOneRow?: boolean;
  /** The figure of a kind that is better seen than read; null for results that have none. */
  figure?(results: readonly R[]): Figure | null;
}

const looks: { readonly [K in Kind]: Look<ResultOf<K>> } = {
  ...parts,
  profile: { tables: profileTables, rows: profileRows, figure: single(importanceFigure) },
  depth: { tables: depthTables, rows: depthRows, figure: depthFigure },
  perplexity: { ...combined(perplexityTables), rows: perplexityRows, isOneRow: true },
  certificate: { tables: certificateTables, rows: certificateRows, figure: single(certificateFigure) },
  sweep: { tables: sweepTable, rows: sweepRows, figure: single(qualityFigure) },
  fit: { tables: fitTables, rows: fitRows, figure: single(fitFigure) },
  plan: { tables: planTables, rows: planRows },
  order: { tables: orderTable, rows: orderRows },
  guides: { tables: guidesTable, rows: guidesRows, figure: single(guidesFigure) },
  compare: { tables: comparisonTable, rows: comparisonRows },
  samples: { tables: samplesTable, rows: samplesRows },
  causes: { tables: causesTables, rows: causesRows, figure: causesFigure },
  checkpoints: { tables: checkpointTables, rows: checkpointRows, figure: single(checkpointMapFigure) },
  "random-init": { tables: randomInitTables, rows: randomInitRows },
  evaluate: { ...combined(evaluationTables), rows: evaluationRows },
  roofline: {
    tables: rooflineTables,
    rows: rooflineRows,
    figure: (results) => results[0].plans[0].points.length > 1 ? rooflineFigure(results) : null,
  },
  speed: { tables: speedTables, rows: speedRows, figure: single(speedFigure) },
  info: { tables: infoTables, rows: infoRows },
};

/** Any result; its form is checked where it is read or written. */
export interface Result {
  readonly kind: Kind;
}

export const lookOf = ({ kind }: Result) => looks[kind] as Look<never> as Look<Result>;

export function isResult(value: object): value is Result {
  return Object.hasOwn(looks, String((value as { kind?: unknown }).kind));
}

export function tablesOf(results: readonly Result[], look: ProfileLook = {}): Table[] {
  if (results.length === 0) return [];
  const { tables, together } = lookOf(results[0]);
  return together?.(results) ?? results.flatMap((result) => tables(result, look));
}

export function tableText(results: readonly Result[], look: ProfileLook = {}): string {
  return tablesText(tablesOf(results, look), look);
}

/** Whether results of a kind have a figure. */
export const isPictured = (kind: Kind): boolean => looks[kind].figure !== undefined;

/** The figure of results of one kind as a file, by the path's ending. Throws `RangeError` for results without a figure. */
export async function figureFile(results: readonly Result[], path: string): Promise<Content> {
  const figure = lookOf(results[0]).figure?.(results);
  if (figure) return await pictureFile(figure, path);
  throw new RangeError("Cannot draw the result: found one without a figure, expected more plans or settings");
}

/** Results of one kind as rows for CSV and data frames: one for each module, drop, step or task. The JSON has the rest. */
export function rowsOf(results: readonly Result[]): CsvRow[] {
  return results.flatMap((result) => lookOf(result).rows(result));
}

/**
 * Returns a result, or several of one kind, as CSV text (RFC 4180) of the rows that commands write: one for each module, drop, step or
 * task. The JSON has the rest. Throws `TypeError` for results whose columns differ.
 *
 * @example
 * ```ts
 * import { profile, toCSV } from "lamina";
 *
 * const result = await profile("data/series/pre-ln/step04096", { text: "README.md", samples: 2, length: 32 });
 * console.log(toCSV(result).split("\n")[0]); // the columns
 * ```
 */
export function toCSV(results: { readonly kind: Kind } | readonly { readonly kind: Kind }[]): string {
  expect("write CSV", "results", results, orElse(Array.isArray, list(anyResult, "results", 1), anyResult));
  return csvText(rowsOf([results].flat()));
}
