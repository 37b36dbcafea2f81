/** What a study would take, in words. */
import { computedText, counted, formatFixed, formatSeconds, formatShare, formatWhole } from "../words/mod.ts";
import { plain } from "../../entry/mod.ts";
import type { Computed } from "../../result/mod.ts";
import { tableOf } from "./table.ts";
import { tablesText, type TextLook } from "./text.ts";

interface Cost extends Readonly<Record<"flops" | "seconds" | "bytes", number>> {
  readonly computed: Computed;
}

const operations = ({ flops }: Cost) => `(${formatFixed(flops / 1e12, 2)} TFLOP)`;
const memory = ({ bytes }: Cost) => `${formatFixed(bytes / 2 ** 20, 0)} MiB of memory`;

export function estimateText(
  model: string,
  plans: number,
  price: Cost & { readonly tokens: number; readonly modules: number },
): string {
  const { computed, tokens, modules, seconds } = price;
  return [
    `${plain(model)}:`,
    `${tokens} tokens, ${counted(plans, "plan")}, ${modules} modules to run · ${computedText(computed)}`,
    `about ${formatSeconds(seconds)} ${operations(price)}, ${memory(price)}`,
  ].join("\n");
}

interface Price extends Cost {
  readonly tasks: readonly { task: string; documents: number; fed: number; run: number }[];
  readonly written: number;
}

export function evaluatePriceText(model: string, plans: number, price: Price, look: TextLook = {}): string {
  const { computed, tasks, written, seconds } = price;
  const others = plans === 0 ? "" : ` and ${counted(plans, "plan")}`;
  const table = tableOf(tasks, [
    { title: "task", value: ({ task }) => task, align: "left" },
    { title: "documents", value: ({ documents }) => formatWhole(documents) },
    { title: "tokens", value: ({ run }) => formatWhole(run) },
    { title: "without sharing", value: ({ fed }) => formatWhole(fed) },
    { title: "saved", value: ({ fed, run }) => 1 - run / fed, format: formatShare },
  ]);
  return [
    `${plain(model)}: the full model${others} · ${computedText(computed)}`,
    tablesText([table], look),
    ...written > 0 ? [`writes at most ${formatWhole(written)} tokens`] : [],
    `about ${formatSeconds(seconds)} on this machine ${operations(price)}, ${memory(price)}, ` +
    "if no earlier run has kept results",
  ].join("\n");
}
