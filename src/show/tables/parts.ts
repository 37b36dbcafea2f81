/** Results that are parts of others, plans of shards, texts, checks of a machine: one record for each entry of a list. */
import { planText } from "../../measure/mod.ts";
import type { Kind, ResultOf } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { wrap } from "../plain.ts";
import { lines, recordTable, type Table } from "./table.ts";
import { style, type TextLook } from "./text.ts";

type Of<K extends Kind> = ResultOf<K>;

/** Both faces of records. */
function recorded<R>(rows: (result: R) => CsvRow[]) {
  return { tables: (results: readonly R[]) => results.map((result) => recordTable(rows(result))), rows };
}

export const parts = {
  generate: recorded(({ model: { name: model, format }, prompt, texts }: Of<"generate">) =>
    texts.map(({ plan, ids, text, ended }) => (
      { model, format, dropped: planText(plan), prompt, text, tokens: ids.length, ended }
    ))
  ),
  loss: recorded((
    { provenance: { drop }, nll, kl }: Of<"loss">,
  ) => [{ dropped: planText(drop), nll, kl }]),
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
