/** Measured speeds: times, then speed-ups beside those that bytes and operations allow. */
import { computedText, counted, formatFixed, formatNumber, modelOf } from "core/show/words/mod.ts";
import { planText } from "core/measure/mod.ts";
import type { Speed } from "./result.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { countsOf } from "./roofline_table.ts";
import { type Column, fixed, lines, record, type Table, tableOf } from "core/show/tables/table.ts";

type Point = Speed["points"][number]["plans"][number];
type Median = Point["decode"];

/** "SmolLM2-135M (GGUF Q4_1) · float32, cpu · 5 rounds of 32 tokens". */
export function speedSetting({ model, computed, repeat, new: steps }: Speed): string {
  return `${modelOf(model)} · ${computedText(computed)} · ${counted(repeat, "round")} of ${steps} tokens`;
}

/** One plan at one setting; `plan` is its index, 0 for the full model. */
type Row = Point & Readonly<Record<"batch" | "context" | "plan", number>>;

const rowsOf = ({ points }: Pick<Speed, "points">): Row[] =>
  points.flatMap(({ batch, context, plans }) =>
    plans.map((measured, plan) => ({ batch, context, plan, ...measured }))
  );

export function speedTables(result: Speed): Table[] {
  const rows = rowsOf(result);
  const dropped = rows.filter(({ plan }) => plan > 0);
  const two = fixed(2);
  const hasGamma = dropped.some(({ gamma }) => gamma !== null);
  const setting: Column<Row>[] = [
    { title: "dropped", value: ({ plan }) => countsOf(result.plans[plan].drop), align: "left" },
    { title: "batch", value: ({ batch }) => batch },
    { title: "context", value: ({ context }) => context },
  ];
  const [roof, parts] = ["roof", "parts"].map((title) =>
    dropped.some(({ predicted }) => predicted) ? { title } : {}
  );
  return [
    lines(`speed of ${speedSetting(result)}`),
    tableOf(rows, [
      ...setting,
      { title: "prefill, s", value: ({ prefill }) => withSpread(prefill, 1, formatNumber) },
      { title: "step, ms", value: ({ decode }) => withSpread(decode, 1000, formatNumber) },
      { title: "tokens/s", value: ({ batch, decode }) => batch / decode.median, format: formatNumber },
      { title: "weights", value: ({ plan }) => `${formatFixed(result.plans[plan].weightBytes / 1e6, 0)} MB` },
      { title: "keys", value: ({ keyBytes }) => `${formatFixed(keyBytes / 1e6, 1)} MB` },
    ]),
    ...dropped.length === 0 ? [] : [
      tableOf(dropped, [
        ...setting,
        { title: "prefill", value: ({ speedup }) => withSpread(speedup.prefill, 1, two) },
        { ...roof, value: ({ roofline }) => roofline?.prefill, format: two },
        { ...parts, value: ({ predicted }) => predicted?.prefill, format: two },
        { title: "decode", value: ({ speedup }) => withSpread(speedup.decode, 1, two) },
        { ...roof, value: ({ roofline }) => roofline?.decode, format: two },
        { ...parts, value: ({ predicted }) => predicted?.decode, format: two },
        { title: "whole", value: ({ speedup }) => speedup.whole, format: two },
        ...hasGamma ? [{ title: "gamma", value: ({ gamma }: Row) => gamma, format: fixed(3) }] : [],
      ]),
    ],
    lines(
      undefined,
      "medians, with quartiles in brackets; a speed-up is the median of the ratios within each round",
      "keys: exact size of the context's keys and values; weights: size " +
        (result.computed.engine === "llama.cpp" ? "of the file" : "as held while decoding"),
      ...!roof.title ? [] : [
        "roof: predicted from bytes and operations alone, at the bandwidth and rate measured in the same rounds",
        "parts: also predicted from the measured time of attention's own products and of each module beyond reading its weights",
      ],
      ...dropped.length === 0 ? [] : [
        `whole: speed-up of a prefill and ${counted(result.new, "step")}` +
        (hasGamma ? "; gamma: points of average accuracy lost per percent of it" : ""),
      ],
    ),
  ];
}

function withSpread({ median, low, high }: Median, unit: number, format: (value: number) => string): string {
  return `${format(unit * median)} [${format(unit * low)}, ${format(unit * high)}]`;
}

export function speedRows(
  { model: { name, format }, computed: { engine }, plans, ...result }: Speed,
): CsvRow[] {
  return rowsOf(result).map((
    { plan, batch, context, prefill, decode, speedup, roofline, predicted, ...row },
  ) =>
    record({
      ...{ model: name, format, engine, dropped: planText(plans[plan].drop), batch, context },
      ...{ weight_bytes: plans[plan].weightBytes, key_bytes: row.keyBytes },
      ...{ prefill_seconds: prefill.median, decode_seconds: decode.median },
      ...{ prefill_speedup: speedup.prefill.median, decode_speedup: speedup.decode.median },
      ...{ decode_speedup_low: speedup.decode.low, decode_speedup_high: speedup.decode.high },
      ...{ speedup: speedup.whole, roofline_prefill: roofline?.prefill, roofline_decode: roofline?.decode },
      ...{ predicted_prefill: predicted?.prefill, predicted_decode: predicted?.decode, gamma: row.gamma },
    })
  );
}
