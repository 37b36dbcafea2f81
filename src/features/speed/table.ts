/** Measured speeds: times, then speed-ups beside those that bytes and operations allow. */
import { computedText, counted, formatNumber, modelOf } from "core/show/words/mod.ts";
import type { Speed } from "./result.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { DROPPED, sized } from "./roofline_table.ts";
import { type Column, fixed, lines, recordsOf, type Table, tableOf } from "core/show/tables/table.ts";

type Point = Speed["points"][number]["plans"][number];
type Median = Point["decode"];

/** "SmolLM2-135M (GGUF Q4_1) · float32, cpu · 5 rounds of 32 tokens". */
export function speedSetting({ model, computed, repeat, new: steps }: Speed): string {
  return `${modelOf(model)} · ${computedText(computed)} · ${counted(repeat, "round")} of ${steps} tokens`;
}

/** One plan at one setting; `plan` is its index, 0 for the full model. */
type Row = Point & Speed["plans"][number] & Readonly<Record<"batch" | "context" | "plan", number>>;

const rowsOf = ({ points, plans: all }: Speed): Row[] =>
  points.flatMap(({ batch, context, plans }) =>
    plans.map((measured, plan) => ({ batch, context, plan, ...all[plan], ...measured }))
  );

const two = fixed(2);
const PHASES = ["prefill", "decode"] as const;
/** A median; in print in its unit, with the quartiles. */
const spread = (of: (row: Row) => Median, unit: number, format: (value: number) => string) => ({
  value: (row: Row) => of(row).median,
  format: (_: unknown, row: Row) => withSpread(of(row), unit, format),
});
const SETTING: readonly Column<Row>[] = [
  DROPPED,
  { key: "batch", title: "batch", value: ({ batch }) => batch },
  { key: "context", title: "context", value: ({ context }) => context },
];
const SECONDS: readonly Column<Row>[] = [
  { key: "prefill_seconds", title: "prefill, s", ...spread(({ prefill }) => prefill, 1, formatNumber) },
  { key: "decode_seconds", title: "step, ms", ...spread(({ decode }) => decode, 1000, formatNumber) },
];
const BYTES: readonly Column<Row>[] = [
  { key: "weight_bytes", title: "weights", value: ({ weightBytes }) => weightBytes, format: sized("MB", 0) },
  { key: "key_bytes", title: "keys", value: ({ keyBytes }) => keyBytes, format: sized("MB", 1) },
];
const SPEEDUPS = PHASES.map((phase): Column<Row> => (
  { key: `${phase}_speedup`, title: phase, ...spread(({ speedup }) => speedup[phase], 1, two) }
));
const [ROOF, PARTS] = ([["roofline", "roof"], ["predicted", "parts"]] as const).map(([name, title]) =>
  PHASES.map((phase): Column<Row> => (
    { key: `${name}_${phase}`, title, value: (row) => row[name]?.[phase], format: two }
  ))
);
const [RATE, WHOLE, GAMMA]: readonly Column<Row>[] = [
  { title: "tokens/s", value: ({ batch, decode }) => batch / decode.median, format: formatNumber },
  { key: "speedup", title: "whole", value: ({ speedup }) => speedup.whole, format: two },
  { key: "gamma", title: "gamma", value: ({ gamma }) => gamma, format: fixed(3) },
];

export function speedTables(result: Speed): Table[] {
  const rows = rowsOf(result);
  const dropped = rows.filter(({ plan }) => plan > 0);
  const hasGamma = dropped.some(({ gamma }) => gamma !== null);
  const isPredicted = dropped.some(({ predicted }) => predicted);
  return [
    lines(`speed of ${speedSetting(result)}`),
    tableOf(rows, [...SETTING, ...SECONDS, RATE, ...BYTES]),
    ...dropped.length === 0 ? [] : [
      tableOf(dropped, [
        ...SETTING,
        ...PHASES.flatMap((_, i) => [SPEEDUPS[i], ...isPredicted ? [ROOF[i], PARTS[i]] : []]),
        WHOLE,
        ...hasGamma ? [GAMMA] : [],
      ]),
    ],
    lines(
      undefined,
      "medians, with quartiles in brackets; a speed-up is the median of the ratios within each round",
      "keys: exact size of the context's keys and values; weights: size " +
        (result.computed.engine === "llama.cpp" ? "of the file" : "as held while decoding"),
      ...!isPredicted ? [] : [
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

export function speedRows(result: Speed): CsvRow[] {
  const { model: { name, format }, computed: { engine } } = result;
  const ends = ({ speedup: { decode: { low, high } } }: Row) => (
    { decode_speedup_low: low, decode_speedup_high: high }
  );
  const columns = [...SETTING, ...BYTES, ...SECONDS, ...SPEEDUPS, ends, WHOLE, ...ROOF, ...PARTS, GAMMA];
  return recordsOf(rowsOf(result), columns, { model: name, format, engine });
}
