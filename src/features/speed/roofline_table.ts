/** A roofline: the speed that bytes and operations allow each plan; rows have the paper's beside it. */
import { counted, formatFixed } from "core/show/words/mod.ts";
import { planText } from "core/measure/mod.ts";
import type { Roofline } from "./result.ts";
import type { CsvRow } from "core/show/chart/csv.ts";
import { plain } from "core/entry/mod.ts";
import { type Column, fixed, lines, record, type Table, tableOf } from "core/show/tables/table.ts";

type PlanRoofline = Roofline["plans"][number];

/** "llama-2-13b on NVIDIA RTX 6000 Ada (960 GB/s, 364 TFLOP/s, 48 GiB) · 16 bit · 2048 tokens in, 2048 out". */
function boundSetting(
  { model, device: { title, count, bandwidth, rate, memory }, setting }: Roofline,
): string {
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

const DROPPED: Column<Pick<PlanRoofline, "drop">> = {
  title: "dropped",
  value: ({ drop }) => countsOf(drop),
  align: "left",
};
const times = fixed(2);

/** Bytes, then speed-ups batch by batch. */
export function rooflineTables(result: Roofline): Table[] {
  const { plans } = result;
  return [
    lines(boundSetting(result)),
    tableOf(plans, [
      DROPPED,
      { title: "weights", value: ({ weightBytes }) => `${formatFixed(weightBytes / 1e9, 2)} GB` },
      { title: "keys and values", value: ({ keyBytes }) => `${formatFixed(keyBytes / 1e6, 1)} MB` },
      { title: "largest batch", value: ({ largest }) => largest === 0 ? "none" : largest },
    ]),
    tableOf(rowsOf(plans.slice(1)), [
      DROPPED,
      { title: "batch", value: ({ batch, fits }) => `${batch}${fits ? "" : "*"}` },
      { title: "prefill", value: ({ speedup }) => speedup.prefill, format: times },
      { title: "decode", value: ({ speedup }) => speedup.decode, format: times },
      { title: "whole", value: ({ speedup }) => speedup.whole, format: times },
      { title: "own batch", value: ({ throughput }) => throughput, format: times },
      {
        title: "most",
        value: ({ most }) => `${times(most.speedup)} at ${most.batch.toLocaleString("en-US")}`,
      },
    ]),
    lines(
      undefined,
      "speed-ups are the largest that bytes and operations allow; own batch: each model at its largest batch; most: at the best batch",
      ...rowsOf(plans).some(({ fits }) => !fits) ? ["* does not fit in memory"] : [],
    ),
  ];
}

export function rooflineRows({ model, device, setting: { bits, input, output }, plans }: Roofline): CsvRow[] {
  return rowsOf(plans).map(({ drop, batch, prefill, decode, speedup, most, paper, ...row }) =>
    record({
      ...{ model: model.name, device: device.name, devices: device.count, bits, input, output },
      ...{ dropped: planText(drop), weight_bytes: row.weightBytes, key_bytes: row.keyBytes },
      ...{ largest_batch: row.largest, batch, fits: String(row.fits) },
      ...{ prefill_seconds: prefill, decode_seconds: decode },
      ...{ prefill_speedup: speedup.prefill, decode_speedup: speedup.decode, speedup: speedup.whole },
      ...{ own_batch_speedup: row.throughput, most_speedup: most.speedup, most_batch: most.batch },
      ...{ paper_speedup: paper?.speedup, paper_allowed: paper?.reach },
    })
  );
}
