/** Modules that go last in an order, and its check, in words. */
import { OUTSIZED } from "../../measure/mod.ts";
import type { Last, OrderCheck } from "../../result/mod.ts";
import { KIND_NAMES } from "./names.ts";
import { counted, formatNumber } from "./numbers.ts";

/** Modules that go last, with their costs and reasons: "MLP 11 (2.09 nats alone; an update 154 times as long as the stream at some token)". */
export function lastText(last: readonly Last[]): string {
  return last.map(({ module, layer, cost, largestRelativeMagnitude: largest }) => {
    const reasons = [
      ...cost === null ? [] : [`${formatNumber(cost)} nats alone`],
      ...largest !== null && largest > OUTSIZED
        ? [`an update ${formatNumber(largest)} times as long as the stream at some token`]
        : [],
    ];
    return `${KIND_NAMES[module]} ${layer} (${reasons.join("; ")})`;
  }).join(", ");
}

/** What the check of an order found, in a line; nothing where none was made. */
export function checkLines(check: OrderCheck | undefined): string[] {
  if (!check) return [];
  const { samples, length, removed, median, last } = check;
  const how = `checked by removing ${
    counted(removed, "module")
  } one by one on ${samples} × ${length} tokens: ${formatNumber(median)} nats alone in the median`;
  return [last.length > 0 ? `${how}; last go ${lastText(last)}` : how];
}
