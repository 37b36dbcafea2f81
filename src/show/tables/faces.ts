/** The faces of every kind of result: tables in print, and rows for CSV and data frames. */
import type { Kind, ResultOf } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { againstRows, againstTables, comparisonRows, comparisonTable } from "./agreement.ts";
import { causesRows, causesTables } from "./causes.ts";
import { evaluationRows, evaluationTables } from "./evaluation.ts";
import { fitRows, fitTables } from "./fit.ts";
import { guidesRows, guidesTable, orderRows, orderTable, planRows, planTables } from "./order.ts";
import { type ProfileLook, profileRows, profileTables } from "./profile.ts";
import { draftTables, perplexityRows, perplexityTables, sweepRows, sweepTable } from "./quality.ts";
import { generationRows, generationTables } from "./generation.ts";
import { infoRows, infoTables } from "./info.ts";
import { rooflineRows, rooflineTables } from "./roofline.ts";
import { speedRows, speedTables } from "./speed.ts";
import { lines, recordTable, type Table } from "./table.ts";
import { style, tablesText, type TextLook } from "./text.ts";
import { checkpointRows, checkpointTables, randomInitRows, randomInitTables } from "./training.ts";
import { planText } from "../../measure/mod.ts";
import { wrap } from "../plain.ts";

type Of<K extends Kind> = ResultOf<K>;

/** Both faces of records. */
function recorded<R>(rows: (result: R) => CsvRow[]) {
  return { tables: (results: readonly R[]) => results.map((result) => recordTable(rows(result))), rows };
}

/** Results that are parts of others, plans of shards, texts, checks of a machine: one record for each entry of a list. */
const parts = {
  generate: recorded(({ model: { name: model, format }, prompt, texts }: Of<"generate">) =>
    texts.map(({ plan, ids, text, ended, draft }) => ({
      model,
      format,
      dropped: planText(plan),
      prompt,
      text,
      tokens: ids.length,
      ended,
      ...draft && {
        draft: planText(draft.plan),
        drafted: draft.drafted,
        accepted: draft.accepted,
        rounds: draft.rounds,
        ties: draft.ties,
      },
    }))
  ),
  loss: recorded((
    { provenance: { drop }, nll, kl }: Of<"loss">,
  ) => [{ dropped: planText(drop), nll, kl }]),
  replacement: recorded(({ layer, module, strength, left }: Of<"replacement">) => [
    { module, layer, strength, left },
  ]),
  rows: recorded(({ of, from, to }: Of<"rows">) => [{ of, from, to }]),
  task: recorded(({ items }: Of<"task">) =>
    items.map(({ index, acc = null, acc_norm = null }) => ({ document: index, acc, acc_norm }))
  ),
  written: recorded(({ texts }: Of<"written">) =>
    texts.map((ids, prompt) => ({ prompt, tokens: ids.length }))
  ),
  shards: recorded(({ shards }: Of<"shards">) =>
    shards.map(({ index, stage, name, cost }) => ({ index, stage, name, flops: cost }))
  ),
  shard: recorded(({ shard, host, seconds, made }: Of<"shard">) => [
    { shard: shard.name, host, seconds, made },
  ]),
  doctor: {
    tables: (results: readonly Of<"doctor">[], look: TextLook) =>
      results.map((result) => doctorTable(result, look)),
    rows: ({ findings }: Of<"doctor">) =>
      findings.map(({ part, works, found, remedy = null }) => ({
        part,
        works: String(works),
        found,
        remedy,
      })),
  },
};

/** ✓ for a part that works, – for one that does not; beside it the finding, below it the remedy. */
function doctorTable({ findings }: ResultOf<"doctor">, look: TextLook = {}): Table {
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

/** How results of one kind look. */
interface Face<R> {
  /** One or several results in print. */
  tables(results: readonly R[], look: ProfileLook): Table[];
  /** One result for machines. */
  rows(result: R): CsvRow[];
}

/** The tables of results below each other. */
const each =
  <R>(tables: (result: R, look: ProfileLook) => Table | Table[]) =>
  (results: readonly R[], look: ProfileLook) => results.flatMap((result) => tables(result, look));

const faces: { readonly [K in Kind]: Face<ResultOf<K>> } = {
  ...parts,
  profile: { tables: each(profileTables), rows: profileRows },
  perplexity: { tables: perplexityTables, rows: perplexityRows },
  sweep: { tables: each((sweep) => [sweepTable(sweep), ...draftTables(sweep)]), rows: sweepRows },
  fit: { tables: each(fitTables), rows: fitRows },
  plan: { tables: each(planTables), rows: planRows },
  order: { tables: each(orderTable), rows: orderRows },
  generation: { tables: each(generationTables), rows: generationRows },
  guides: { tables: each(guidesTable), rows: guidesRows },
  compare: { tables: each(comparisonTable), rows: comparisonRows },
  against: { tables: each(againstTables), rows: againstRows },
  causes: { tables: each(causesTables), rows: causesRows },
  checkpoints: { tables: each(checkpointTables), rows: checkpointRows },
  "random-init": { tables: each(randomInitTables), rows: randomInitRows },
  evaluate: { tables: evaluationTables, rows: evaluationRows },
  roofline: { tables: each(rooflineTables), rows: rooflineRows },
  speed: { tables: each(speedTables), rows: speedRows },
  info: { tables: each(infoTables), rows: infoRows },
};

/** Any result; its form is checked where it is read or written. */
export interface Result {
  readonly kind: Kind;
}

const faceOf = ({ kind }: Result) => faces[kind] as Face<never> as Face<Result>;

/** Whether a value is a result. */
export function isResult(value: object): value is Result {
  return Object.hasOwn(faces, String((value as { kind?: unknown }).kind));
}

/** Results of one kind in print. */
export function tablesOf(results: readonly Result[], look: ProfileLook = {}): Table[] {
  return results.length === 0 ? [] : faceOf(results[0]).tables(results, look);
}

/** Results of one kind as text for a terminal. */
export function tableText(results: readonly Result[], look: ProfileLook = {}): string {
  return tablesText(tablesOf(results, look), look);
}

/** Results of one kind as rows for CSV and data frames: one for each module, drop, step or task. The JSON has the rest. */
export function rowsOf(results: readonly Result[]): CsvRow[] {
  return results.flatMap((result) => faceOf(result).rows(result));
}
