/** A roofline as a table: what bytes and operations allow each plan, beside what the paper reports. */
import type { Roofline } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { formatFixed } from "../chart/numbers.ts";
import { describeDrop } from "../chart/setting.ts";
import { plain } from "../../entry/mod.ts";
import { align, optional, style, type TextLook } from "./table.ts";

type PlanRoofline = Roofline["plans"][number];

/** What a speed-up of the paper needs, in words. */
export const REACH_TEXTS: Readonly<Record<NonNullable<PlanRoofline["paper"]>["reach"], string>> = {
  fits: "yes",
  "own-batch": "with its own larger batch",
  "more-memory": "only with more memory",
  never: "at no batch size",
};

/** "llama-2-13b on NVIDIA RTX 6000 Ada (960 GB/s, 364 TFLOP/s, 48 GiB) · 16 bit · 2048 tokens in, 2048 out". */
export function boundSetting({ model, device, setting }: Roofline): string {
  const { title, count, bandwidth, rate, memory } = device;
  return `${plain(model.name)} on ${count > 1 ? `${count} × ` : ""}${title} (${
    formatFixed(bandwidth / 1e9, 0)
  } GB/s, ` +
    `${formatFixed(rate / 1e12, 0)} TFLOP/s, ${formatFixed(memory / 2 ** 30, 0)} GiB) · ` +
    `${setting.bits} bit · ${setting.input} tokens in, ${setting.output} out`;
}

/** A plan by its size: "8 attention", "2 attention, 1 MLP", "1 MLP, 3 changes". */
export function countsOf({ attention, mlp, changes = [] }: PlanRoofline["drop"]): string {
  const parts = [
    ...attention.length ? [`${attention.length} attention`] : [],
    ...mlp.length ? [`${mlp.length} MLP`] : [],
    ...changes.length ? [`${changes.length} ${changes.length === 1 ? "change" : "changes"}`] : [],
  ];
  return parts.join(", ") || "nothing";
}

/** Bytes, then speed-ups batch by batch, then the paper's beside what is allowed. */
export function rooflineTable(result: Roofline, look: TextLook = {}): string {
  const { plans } = result;
  const times = (value: number) => formatFixed(value, 2);
  const bytes = plans.map(({ drop, weightBytes, keyBytes, largest }) => [
    countsOf(drop),
    `${formatFixed(weightBytes / 1e9, 2)} GB`,
    `${formatFixed(keyBytes / 1e6, 1)} MB`,
    largest === 0 ? "none" : String(largest),
  ]);
  const speeds = plans.slice(1).flatMap(({ drop, points, throughput, most }) =>
    points.map(({ batch, fits, speedup }) => [
      countsOf(drop),
      `${batch}${fits ? "" : "*"}`,
      times(speedup.prefill),
      times(speedup.decode),
      times(speedup.whole),
      optional(throughput, times),
      `${times(most.speedup)} at ${most.batch.toLocaleString("en-US")}`,
    ])
  );
  const paper = plans.flatMap(({ drop, paper }) =>
    paper
      ? [[
        countsOf(drop),
        times(paper.speedup),
        REACH_TEXTS[paper.reach],
        optional(paper.gamma, (value) => formatFixed(value, 3)),
        optional(paper.rooflineGamma, (value) => formatFixed(value, 3)),
      ]]
      : []
  );
  return [
    style(look, 1)(boundSetting(result)),
    align([["dropped", "weights", "keys and values", "largest batch"], ...bytes], look, [0]),
    align([["dropped", "batch", "prefill", "decode", "whole", "own batch", "most"], ...speeds], look, [0]),
    ...paper.length > 0
      ? [align([["dropped", "paper", "allowed", "gamma", "gamma, roofline"], ...paper], look, [0, 2])]
      : [],
    [
      "speed-ups are the largest that bytes and operations allow; own batch: each model at its largest batch; most: at the best batch",
      ...plans.some(({ points }) => points.some(({ fits }) => !fits)) ? ["* does not fit in memory"] : [],
      ...paper.length > 0 ? ["gamma: points of accuracy (the paper's) lost per percent of speed-up"] : [],
    ].join("\n"),
  ].join("\n\n");
}

/** A row a plan and batch. */
export function rooflineRows(result: Roofline): CsvRow[] {
  const { model, device, setting, plans } = result;
  return plans.flatMap(({ drop, weightBytes, keyBytes, largest, points, throughput, most, paper }) =>
    points.map(({ batch, fits, prefill, decode, speedup }) => ({
      model: model.name,
      device: device.name,
      devices: device.count,
      bits: setting.bits,
      input: setting.input,
      output: setting.output,
      dropped: describeDrop(drop),
      weight_bytes: weightBytes,
      key_bytes: keyBytes,
      largest_batch: largest,
      batch,
      fits: String(fits),
      prefill_seconds: prefill,
      decode_seconds: decode,
      prefill_speedup: speedup.prefill,
      decode_speedup: speedup.decode,
      speedup: speedup.whole,
      own_batch_speedup: throughput,
      most_speedup: most.speedup,
      most_batch: most.batch,
      paper_speedup: paper?.speedup ?? null,
      paper_allowed: paper ? paper.reach : null,
    }))
  );
}
