/** A sweep as a table: perplexity by number dropped, a column for each curve; and what a study would take, in words. */
import { mean } from "../../measure/mod.ts";
import type { Computed, Sweep } from "../../result/mod.ts";
import { formatFixed, formatNumber, formatSeconds } from "../chart/numbers.ts";
import { plain } from "../../entry/mod.ts";
import { curveName } from "../chart/scores.ts";
import { computedText, KIND_NAMES, settingOf } from "../chart/setting.ts";
import { align, style, type TextLook } from "./table.ts";

type Curve = Sweep["curves"][number];

/** Perplexity of every curve; random orders are averaged (geometrically) over their seeds. */
export function sweepTable(sweep: Sweep, look: TextLook = {}): string {
  const targets = [...new Set(sweep.curves.map(({ target }) => KIND_NAMES[target]))];
  const one = targets.length === 1;
  const groups = new Map<string, Curve[]>();
  for (const curve of sweep.curves) {
    const name = one ? curve.by : curveName(curve);
    groups.set(name, [...groups.get(name) ?? [], curve]);
  }
  const steps = [...new Set(sweep.curves.flatMap(({ points }) => points.map(({ dropped }) => dropped)))]
    .sort((a, b) => a - b);
  const cell = (curves: readonly Curve[], dropped: number) => {
    const nlls = curves.flatMap(({ points }) => points.filter((point) => point.dropped === dropped))
      .map((point) => point.nll);
    return nlls.length === 0 ? "–" : formatNumber(Math.exp(mean(nlls)));
  };
  const rows = steps.map((dropped) => [
    String(dropped),
    ...[...groups.values()].map((curves) => cell(curves, dropped)),
  ]);
  return `${style(look, 1)(`perplexity · ${settingOf(sweep.provenance)}`)}\n${
    one
      ? `by number of ${targets[0]} modules dropped; columns are orders`
      : "by number of modules dropped, least important first"
  }\n${align([["dropped", ...groups.keys()], ...rows], look)}`;
}

/** What a study would take. */
export function estimateText(
  model: string,
  plans: number,
  { computed, tokens, modules, flops, seconds, bytes }: {
    readonly computed: Computed;
    readonly tokens: number;
    readonly modules: number;
    readonly flops: number;
    readonly seconds: number;
    readonly bytes: number;
  },
): string {
  return [
    `${plain(model)}:`,
    `${tokens} tokens, ${plans} plan${plans === 1 ? "" : "s"}, ${modules} modules to run · ${
      computedText(computed)
    }`,
    `about ${formatSeconds(seconds)} (${formatFixed(flops / 1e12, 2)} TFLOP), ${
      formatFixed(bytes / 2 ** 20, 0)
    } MiB of memory`,
  ].join("\n");
}
