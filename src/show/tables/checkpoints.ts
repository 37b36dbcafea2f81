/** A study of training as a table for the terminal: a line a step. */
import { KINDS } from "../../measure/mod.ts";
import type { Checkpoints } from "../../result/mod.ts";
import { qualityBySteps, seriesSetting, trendsOf } from "../chart/checkpoint_trends.ts";
import { formatFixed, formatNumber } from "../chart/numbers.ts";
import { KIND_NAMES } from "../chart/setting.ts";
import { align, optional, style, type TextLook } from "./table.ts";

/** Importance, how it moves, and quality with half of the modules dropped, by step. */
export function checkpointTable(result: Checkpoints, look: TextLook = {}): string {
  const { series } = result;
  const bold = style(look, 1);
  const number = (value: number | null) => optional(value, formatNumber);
  const share = (value: number | null) => optional(value, (known) => formatFixed(known, 2));
  const trends = KINDS.map((kind) => trendsOf(result, kind));
  const names = KINDS.map((kind) => KIND_NAMES[kind]);
  const lines = (cells: (step: number) => string[]) =>
    series.map(({ step }, i) => [String(step), ...cells(i)]);
  const importance = lines((i) => [
    ...trends.map((trend) => number(trend[i].median)),
    ...trends.map((trend) => number(trend[i].first)),
  ]);
  const movement = lines((i) => [
    ...trends.map((trend) => number(trend[i].drift)),
    ...trends.map((trend) => share(trend[i].withLast)),
  ]);
  const quality = qualityBySteps(result).map(({ step, full, ...halves }) => [
    String(step),
    ...[full, ...KINDS.map((kind) => halves[kind].nll)].map((nll) => formatNumber(Math.exp(nll))),
  ]);
  const tagged = (tag: string) => names.map((kind) => `${kind}${tag}`);
  return [
    bold(seriesSetting(result)),
    `${bold("importance")}: median of the layers from 1 up, and layer 0\n${
      align([["step", ...names, ...tagged(" 0")], ...importance], look)
    }`,
    `${
      bold("movement")
    } of the layers from 1 up: mean |change| since the previous step, rank correlation with the last step\n${
      align([["step", ...names, ...tagged(" ~ last")], ...movement], look)
    }`,
    ...quality.length
      ? [
        `${bold("perplexity")} on ${
          series.find((entry) => entry.quality)!.quality!.provenance.text.name
        }, with half of the ` +
        `modules dropped by the step's importance\n${
          align([["step", "full", ...tagged(" halved")], ...quality], look)
        }`,
      ]
      : [],
  ].join("\n\n");
}
