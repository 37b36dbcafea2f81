/** A fit in print: the answer in one line, one table beside other means, what the plan does; and rows for machines. */
import { formatBytes } from "core/entry/mod.ts";
import { planText } from "core/measure/mod.ts";
import { counted, formatFixed, formatShare } from "core/show/words/numbers.ts";
import { tokensOf } from "core/show/words/names.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import type { TableLook } from "core/show/looks.ts";
import { type Column, lines, originOf, record, type Table, tableOf } from "core/show/tables/table.ts";
import type { Ends, Fit, Row } from "./result.ts";
import {
  answerRow,
  answerText,
  baselineName,
  fitSetting,
  headline,
  kldAs,
  perplexityPercent,
  planLines,
  promiseText,
  savedShare,
} from "./words.ts";

interface Named extends Row {
  readonly name: string;
}

/** A number and half the width of its interval. */
const halfText = ({ value, low, high }: Ends, write: (value: number) => string): string =>
  low === null || high === null ? write(value) : `${write(value)} ± ${write((high - low) / 2)}`;

function columnsOf(fit: Fit): Column<Named>[] {
  const percent = ({ value, low, high }: Ends): Ends => ({
    value: perplexityPercent(value),
    low: low === null ? null : perplexityPercent(low),
    high: high === null ? null : perplexityPercent(high),
  });
  const hasPoints = fit.confirmed.some(({ points }) => points);
  return [
    { title: "plan", value: ({ name }) => name, align: "left" },
    { title: "size", value: ({ bytes }) => bytes && formatBytes(bytes) },
    { title: "less", value: (row) => `${formatFixed(100 * savedShare(fit, row), 1)} %` },
    { title: "KLD", value: ({ kld }) => halfText(kld, kldAs(kld.value)) },
    { title: "99 %", value: ({ kld99 }) => formatFixed(kld99, 2) },
    { title: "same", value: ({ same }) => formatShare(same.value) },
    { title: "ppl., %", value: ({ loss }) => halfText(percent(loss), (value) => formatFixed(value, 1)) },
    ...hasPoints
      ? [{
        title: "points lost",
        value: ({ points }: Named) => points && halfText(points, (value) => formatFixed(value, 1)),
      }]
      : [],
  ];
}

/** The answer, the next larger plan, which failed, and what is as small by other means. */
function rowsOf({ confirmed, answer, baselines, aims }: Fit, isWhole: boolean): Named[] {
  const next = confirmed[(answer ?? -1) + 1];
  const shown = isWhole ? confirmed : [...answer === null ? [] : [confirmed[answer]], ...next ? [next] : []];
  const isLimited = aims.length > 0;
  return [
    ...shown.map((row) => {
      const place = confirmed.indexOf(row);
      const name = place === answer
        ? "answer"
        : answer === null
        ? "smallest"
        : place < answer
        ? "smaller"
        : "larger";
      return {
        ...row,
        name: isLimited && row.keeps !== "yes" ? `${name}, ${row.keeps === "no" ? "fails" : "open"}` : name,
      };
    }),
    ...baselines.map((row) => ({ ...row, name: baselineName(row) })),
  ];
}

const HOW_PREDICTED = "predicted";

/** The tables of a fit; all confirmed plans and the whole plan where all is asked for. */
export function fitTables(fit: Fit, { lowest, more }: TableLook = {}): Table[] {
  const isWhole = lowest === undefined;
  const { confirming, aims, prediction, looks } = fit;
  const row = answerRow(fit);
  const times = fit.times && `It decodes ${formatFixed(fit.times.decode.median, 2)} times as fast.`;
  const how = looks.length > 0
    ? `${HOW_PREDICTED} from parts measured alone; ${counted(looks.length, "look")} at plans found ${
      formatFixed(prediction.ratio, 2)
    } of the divergence${prediction.again ? ", so parts were measured again inside a plan" : ""}`
    : undefined;
  return [
    lines(headline(fit)),
    {
      title: `${promiseText(aims)}; on ${tokensOf(confirming)} that chose nothing (± and limits: 95 %)`,
      ...tableOf(rowsOf(fit, isWhole), columnsOf(fit)),
      notes: [
        "KLD: mean KL of the next token from the model as stored, nats; 99 %: of tokens",
        ...isWhole && how ? [how] : [],
      ],
    },
    lines(
      undefined,
      ...[answerText(fit), times ?? ""].filter((line) => line !== ""),
      ...row && isWhole ? planLines(row.drop) : [],
      ...row && more ? [more] : [],
      fitSetting(fit),
    ),
  ];
}

/** A row a plan: looks, then those confirmed, then what is as small by other means. */
export function fitRows(fit: Fit): CsvRow[] {
  const { looks, confirmed, baselines, answer, aims } = fit;
  const rowsOf = (on: string, rows: readonly Row[], origin: Fit["provenance"], of: (i: number) => CsvRow) =>
    rows.map((row, i) => {
      const { drop, saves, bytes, predicted, kld, kld99, same, loss, points } = row;
      const ends = (name: string, own: Ends) => (
        { [name]: own.value, [`${name}_low`]: own.low, [`${name}_high`]: own.high }
      );
      return record({
        ...{
          ...originOf(origin),
          limits: aims.map(({ of, amount }) => `${of} ${amount}`).join(" "),
          on,
          bytes,
        },
        ...{ less: savedShare(fit, row), parameters_share: saves.parametersShare, kv_share: saves.kvShare },
        ...{ predicted, ...ends("kld", kld), kld99, ...ends("same", same), ...ends("loss", loss) },
        ...{ points: points?.value, points_low: points?.low, points_high: points?.high },
        ...{ by: "path", type: null, keeps: null, answer: "no", ...of(i) },
        plan: planText(drop),
      });
    });
  return [
    ...rowsOf("choosing", looks, fit.provenance, () => ({})),
    ...rowsOf("confirming", confirmed, fit.confirming, (i) => (
      { keeps: confirmed[i].keeps, answer: i === answer ? "yes" : "no" }
    )),
    ...rowsOf(
      "confirming",
      baselines,
      fit.confirming,
      (i) => ({ by: baselines[i].by, type: baselines[i].type }),
    ),
  ];
}
