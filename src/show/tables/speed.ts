/** Measured speeds as a table: times, then speed-ups beside what bytes and operations allow. */
import type { Speed } from "../../result/mod.ts";
import type { CsvRow } from "../chart/csv.ts";
import { formatFixed, formatNumber } from "../chart/numbers.ts";
import { computedText, describeDrop, modelOf } from "../chart/setting.ts";
import { align, optional, style, type TextLook } from "./table.ts";
import { countsOf } from "./roofline.ts";

type Point = Speed["points"][number];
type Median = Point["plans"][number]["decode"];

/** "SmolLM2-135M (GGUF Q4_1) · float32, cpu · 5 rounds of 32 tokens". */
export function speedSetting({ model, computed, repeat, new: steps }: Speed): string {
  return `${modelOf(model)} · ${computedText(computed)} · ${repeat} round${
    repeat === 1 ? "" : "s"
  } of ${steps} tokens`;
}

/** Two tables: what a plan takes, and how much faster it is. */
export function speedTable(result: Speed, look: TextLook = {}): string {
  const names = result.plans.map(({ drop }) => countsOf(drop));
  const times = result.points.flatMap(({ batch, context, plans }) =>
    plans.map(({ prefill, decode, keyBytes }, i) => [
      names[i],
      String(batch),
      String(context),
      withSpread(prefill, 1, formatNumber),
      withSpread(decode, 1000, formatNumber),
      formatNumber(batch / decode.median),
      `${formatFixed(result.plans[i].weightBytes / 1e6, 0)} MB`,
      `${formatFixed(keyBytes / 1e6, 1)} MB`,
    ])
  );
  const two = (value: number) => formatFixed(value, 2);
  const ratios = result.points.flatMap(({ batch, context, plans }) =>
    plans.slice(1).map(({ speedup, roofline, predicted, gamma }, i) => [
      names[i + 1],
      String(batch),
      String(context),
      withSpread(speedup.prefill, 1, two),
      two(roofline.prefill),
      two(predicted.prefill),
      withSpread(speedup.decode, 1, two),
      two(roofline.decode),
      two(predicted.decode),
      two(speedup.whole),
      optional(gamma, (value) => formatFixed(value, 3)),
    ])
  );
  const heading = ["dropped", "batch", "context"];
  return [
    style(look, 1)(`speed of ${speedSetting(result)}`),
    align([[...heading, "prefill, s", "step, ms", "tokens/s", "weights", "keys"], ...times], look, [0]),
    ...ratios.length > 0
      ? [
        align(
          [[...heading, "prefill", "roof", "parts", "decode", "roof", "parts", "whole", "gamma"], ...ratios],
          look,
          [0],
        ),
      ]
      : [],
    [
      "medians, with quartiles in brackets; a speed-up is the median of the ratios within each round",
      "keys: exact size of the context's keys and values; weights: size in float32, as held while decoding",
      ...ratios.length > 0
        ? [
          "roof: predicted from bytes and operations alone, at the bandwidth and rate measured in the same rounds",
          "parts: also predicted from the measured time of attention's own products and of each module beyond reading its weights",
        ]
        : [],
    ].join("\n"),
  ].join("\n\n");
}

function withSpread({ median, low, high }: Median, unit: number, format: (value: number) => string): string {
  return `${format(unit * median)} [${format(unit * low)}, ${format(unit * high)}]`;
}

/** A row a setting and plan. */
export function speedRows(result: Speed): CsvRow[] {
  return result.points.flatMap(({ batch, context, plans }) =>
    plans.map(({ keyBytes, prefill, decode, speedup, roofline, predicted, gamma }, i) => ({
      model: result.model.name,
      format: result.model.format,
      engine: result.computed.engine,
      dropped: describeDrop(result.plans[i].drop),
      batch,
      context,
      weight_bytes: result.plans[i].weightBytes,
      key_bytes: keyBytes,
      prefill_seconds: prefill.median,
      decode_seconds: decode.median,
      prefill_speedup: speedup.prefill.median,
      decode_speedup: speedup.decode.median,
      decode_speedup_low: speedup.decode.low,
      decode_speedup_high: speedup.decode.high,
      speedup: speedup.whole,
      roofline_prefill: roofline.prefill,
      roofline_decode: roofline.decode,
      predicted_prefill: predicted.prefill,
      predicted_decode: predicted.decode,
      gamma,
    }))
  );
}
