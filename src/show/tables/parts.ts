/** Results that are parts of others, plans of shards, and texts: small tables. */
import type { ResultOf } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { formatNumber } from "../chart/numbers.ts";
import { describeDrop } from "../chart/setting.ts";
import { type Column, fixed, recordsOf, tableOf } from "./table.ts";

/** Both faces of rows that need no more than their columns. */
function faceOf<R, Row>(rowsOf: (result: R) => readonly Row[], columns: readonly Column<Row>[]) {
  return {
    tables: (results: readonly R[]) => results.map((result) => tableOf(rowsOf(result), columns)),
    rows: (result: R): CsvRow[] => recordsOf(rowsOf(result), columns),
  };
}

/** A column that is the same for people and machines. */
function plainColumn<Row>(name: string, value: Column<Row>["value"], align?: "left"): Column<Row> {
  return { key: name, title: name, value, ...align && { align } };
}

type Text = ResultOf<"generate">["texts"][number] & Pick<ResultOf<"generate">, "model" | "prompt">;
const textColumns: readonly Column<Text>[] = [
  { key: "model", value: ({ model }) => model.name },
  { key: "format", value: ({ model }) => model.format },
  { key: "dropped", title: "dropped", value: ({ plan }) => describeDrop(plan), align: "left" },
  { key: "prompt", value: ({ prompt }) => prompt },
  { key: "text", title: "text", value: ({ text }) => text, align: "left" },
  { key: "tokens", title: "tokens", value: ({ ids }) => ids.length },
  { key: "ended", title: "ended", value: ({ ended }) => ended, align: "left" },
];

export const parts = {
  generate: faceOf(
    ({ model, prompt, texts }: ResultOf<"generate">) => texts.map((text) => ({ ...text, model, prompt })),
    textColumns,
  ),
  loss: faceOf((result: ResultOf<"loss">) => [result], [
    plainColumn("dropped", ({ provenance }) => describeDrop(provenance.drop), "left"),
    { key: "nll", title: "nats/token", value: ({ nll }) => nll, format: fixed(4) },
    { key: "kl", title: "KL (nats)", value: ({ kl }) => kl, format: fixed(4) },
  ]),
  rows: faceOf((result: ResultOf<"rows">) => [result], [
    plainColumn("of", ({ of }) => of),
    plainColumn("from", ({ from }) => from),
    plainColumn("to", ({ to }) => to),
  ]),
  task: faceOf(({ items }: ResultOf<"task">) => items, [
    plainColumn("document", ({ index }) => index),
    plainColumn("acc", ({ acc }) => acc),
    plainColumn("acc_norm", ({ acc_norm }) => acc_norm),
  ]),
  written: faceOf(({ texts }: ResultOf<"written">) => [...texts.entries()], [
    plainColumn("prompt", ([prompt]) => prompt),
    plainColumn("tokens", ([, ids]) => ids.length),
  ]),
  shards: faceOf(({ shards }: ResultOf<"shards">) => shards, [
    plainColumn("index", ({ index }) => index),
    plainColumn("stage", ({ stage }) => stage),
    plainColumn("name", ({ name }) => name, "left"),
    { key: "flops", title: "flops", value: ({ cost }) => cost, format: formatNumber },
  ]),
  shard: faceOf((result: ResultOf<"shard">) => [result], [
    plainColumn("shard", ({ shard }) => shard.name, "left"),
    plainColumn("host", ({ host }) => host, "left"),
    { key: "seconds", title: "seconds", value: ({ seconds }) => seconds, format: formatNumber },
    plainColumn("made", ({ made }) => made),
  ]),
};
