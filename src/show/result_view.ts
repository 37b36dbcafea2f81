/** Results in a notebook: the usual figure of their kind, or its tables. */
import type { Kind, ResultOf } from "../result/mod.ts";
import type { CsvRow } from "./chart/csv.ts";
import type { Figure } from "./chart/svg.ts";
import {
  causesFigure,
  checkpointMapFigure,
  guidesFigure,
  importanceFigure,
  qualityFigure,
  rooflineFigure,
  speedFigure,
} from "./figures/mod.ts";
import { isResult, type Result, rowsOf, tablesOf } from "./tables/faces.ts";
import type { Table } from "./tables/table.ts";

/** Kinds that are seen better than read. */
const figures: { readonly [K in Kind]?: (result: ResultOf<K>) => Figure | null } = {
  profile: (result) => importanceFigure(result),
  sweep: (result) => qualityFigure(result),
  causes: (result) => causesFigure([result]),
  checkpoints: (result) => checkpointMapFigure(result),
  roofline: (result) => result.plans[0].points.length > 1 ? rooflineFigure([result]) : null,
  speed: (result) => speedFigure(result),
  guides: (result) => guidesFigure(result),
};

/** Kinds whose results are one row each. */
const ONE_ROW: readonly Kind[] = ["perplexity", "loss", "rows", "shard"];

/** A figure, tables, or records of a result, of an opened model or series; null for anything else. */
export function resultView(
  value: object,
): Figure | { readonly tables: readonly Table[] } | readonly object[] | null {
  if (isResult(value)) {
    const draw = figures[value.kind] as ((result: Result) => Figure | null) | undefined;
    return draw?.(value) ?? tablesOrRows(value);
  }
  const { identity, checkpoints } = value as {
    identity?: object;
    checkpoints?: { step: number; name: string }[];
  };
  if (identity && "spec" in value) return [identity];
  return Array.isArray(checkpoints) ? checkpoints.map(({ step, name }) => ({ step, name })) : null;
}

/** The tables of a result; its rows if it prints lines alone. */
function tablesOrRows(result: Result): { readonly tables: readonly Table[] } | readonly CsvRow[] {
  const tables = tablesOf([result], { utf8: true });
  return tables.some(({ head }) => head.length > 0) ? { tables } : rowsOf([result]);
}

/** One of several results, or of several models, in a row; null for anything else. */
export function summaryOf(value: object): object | null {
  if (!isResult(value)) return "identity" in value && "spec" in value ? value.identity as object : null;
  if (ONE_ROW.includes(value.kind)) return rowsOf([value])[0];
  const { provenance, name, model } = value as Partial<Pick<ResultOf<"profile">, "provenance">> & {
    name?: string;
    model?: string;
  };
  return {
    result: value.kind,
    model: provenance?.model.name ?? name ?? model ?? null,
    text: provenance?.text.name ?? null,
  };
}
