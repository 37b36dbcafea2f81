/** What a study would take, in words. */
import { computedText, counted, formatFixed, formatSeconds } from "../words/mod.ts";
import { plain } from "../../entry/mod.ts";
import type { Computed } from "../../result/mod.ts";

export interface Cost extends Readonly<Record<"flops" | "seconds" | "bytes", number>> {
  readonly computed: Computed;
}

export const operations = ({ flops }: Cost) => `(${formatFixed(flops / 1e12, 2)} TFLOP)`;
export const memory = ({ bytes }: Cost) => `${formatFixed(bytes / 2 ** 20, 0)} MiB of memory`;

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
