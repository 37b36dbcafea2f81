/** A roofline: the speed that bytes and operations allow each plan; rows have the paper's beside it. */
import { counted, formatFixed } from "core/show/words/mod.ts";
import { planText } from "core/measure/mod.ts";
import type { Roofline } from "./result.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { plain } from "core/entry/mod.ts";
import { type Column, fixed, lines, recordsOf, type Table, tableOf } from "core/show/tables/table.ts";

type PlanRoofline = Roofline["plans"][number];

/** "llama-2-13b on NVIDIA RTX 6000 Ada (960 GB/s, 364 TFLOP/s, 48 GiB) · 16 bit · 2048 tokens in, 2048 out". */
function boundSetting({ model, device: { title, count, bandwidth, rate, memory }, setting }: Roofline) {
  const [bytes, flops, room] = [bandwidth / 1e9, rate / 1e12, memory / 2 ** 30].map(fixed(0));
  const device = `${count > 1 ? `${count} × ` : ""}${title}`;
  return `${plain(model.name)} on ${device} (${bytes} GB/s, ${flops} TFLOP/s, ${room} GiB) · ` +
    `${setting.bits} bit · ${setting.input} tokens in, ${setting.output} out`;
}

/** A plan by its size: "8 attention", "2 attention, 1 MLP", "1 MLP, 3 changes". */
export function countsOf({ attention, mlp, changes = [], tables }: PlanRoofline["drop"]): string {
  const parts = [
    ...attention.length ? [`${attention.length} attention`] : [],
    ...mlp.length ? [`${mlp.length} MLP`] : [],
    ...changes.length ? [counted(changes.length, "change")] : [],
    ...tables ? ["tables of words"] : [],
  ];
  return parts.join(", ") || "nothing";
}

type BatchRow = Omit<PlanRoofline, "points"> & PlanRoofline["points"][number];

const rowsOf = (plans: readonly PlanRoofline[]): BatchRow[] =>
  plans.flatMap(({ points, ...plan }) => points.map((point) => ({ ...plan, ...point })));

export const DROPPED: Column<Pick<PlanRoofline, "drop">> = {
  ...{ key: "dropped", title: "dropped", align: "left" },
  value: ({ drop }) => planText(drop),
  format: (_, { drop }) => countsOf(drop),
};

/** "1.23 GB". */
export const sized = (unit: "MB" | "GB", decimals: number) => (bytes: number): string =>
  `${formatFixed(bytes / { MB: 1e6, GB: 1e9 }[unit], decimals)} ${unit}`;

const SIZES: readonly Column<Omit<PlanRoofline, "points">>[] = [
  DROPPED,
  { key: "weight_bytes", title: "weights", value: (plan) => plan.weightBytes, format: sized("GB", 2) },
  { key: "key_bytes", title: "keys and values", value: (plan) => plan.keyBytes, format: sized("MB", 1) },
  {
    ...{ key: "largest_batch", title: "largest batch", value: (plan) => plan.largest },
    format: (largest) => largest === 0 ? "none" : String(largest),
  },
];
const times = fixed(2);
const BATCH: Column<BatchRow> = {
  ...{ key: "batch", title: "batch", value: ({ batch }) => batch },
  format: (batch, { fits }) => `${batch}${fits ? "" : "*"}`,
};
const SPEEDUPS: readonly Column<BatchRow>[] = [
  { key: "prefill_speedup", title: "prefill", value: ({ speedup }) => speedup.prefill, format: times },
  { key: "decode_speedup", title: "decode", value: ({ speedup }) => speedup.decode, format: times },
  { key: "speedup", title: "whole", value: ({ speedup }) => speedup.whole, format: times },
  { key: "own_batch_speedup", title: "own batch", value: ({ throughput }) => throughput, format: times },
  {
    ...{ key: "most_speedup", title: "most", value: ({ most }) => most.speedup },
    format: (_, { most }) => `${times(most.speedup)} at ${most.batch.toLocaleString("en-US")}`,
  },
];

/** Bytes, then speed-ups batch by batch. */
export function rooflineTables(result: Roofline): Table[] {
  const { plans } = result;
  return [
    lines(boundSetting(result)),
    tableOf(plans, SIZES),
    tableOf(rowsOf(plans.slice(1)), [DROPPED, BATCH, ...SPEEDUPS]),
    lines(
      undefined,
      "speed-ups are the largest that bytes and operations allow; own batch: each model at its largest batch; most: at the best batch",
      ...rowsOf(plans).some(({ fits }) => !fits) ? ["* does not fit in memory"] : [],
    ),
  ];
}

export function rooflineRows({ model, device, setting: { bits, input, output }, plans }: Roofline): CsvRow[] {
  const origin = { model: model.name, device: device.name, devices: device.count, bits, input, output };
  return recordsOf<BatchRow>(rowsOf(plans), [
    ...[...SIZES, BATCH],
    ({ fits, prefill, decode }) => ({ fits: String(fits), prefill_seconds: prefill, decode_seconds: decode }),
    ...SPEEDUPS,
    ({ most, paper }) => ({
      most_batch: most.batch,
      paper_speedup: paper?.speedup,
      paper_allowed: paper?.reach,
    }),
  ], origin);
}
