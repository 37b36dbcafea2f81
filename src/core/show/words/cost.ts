/**
 * What a smaller model costs: five numbers, which every table, card, page and figure has in this order: bytes, mean KLD, the KLD that 99 % of
 * the tokens stay below, the share of equal first choices, and perplexity.
 */
import { formatBytes, type SizeChange } from "../../entry/mod.ts";
import type { Estimate } from "../../measure/mod.ts";
import { formatDigits, formatFixed, formatNumber, formatShare } from "./numbers.ts";

/** The five numbers. What was not measured is null. */
export interface Cost {
  /** Bytes of the files before and after. */
  readonly bytes: SizeChange | null;
  /** Mean of KL(before ‖ after), nats per token. */
  readonly kl: Estimate | null;
  /** Its 99 % quantile over tokens. */
  readonly kl99: number | null;
  /** Share of the tokens whose most probable word is the same. */
  readonly top1: Estimate | null;
  /** Perplexities before and after. */
  readonly perplexity: readonly [before: number, after: number];
  /** How much the loss rises, nats per token. */
  readonly rise: Estimate;
}

/** One of the numbers: its name, its value and its interval, in words; null where it has none. */
export type CostLine = { readonly name: string; readonly value: string; readonly range: string | null };

type Ends = Pick<Estimate, "low" | "high">;

/** What nats do to a perplexity, in percent: "+2.1 %"; an interval of few samples may reach very far. */
const percentOf = (nats: number): string => `${percent(nats, signed)} %`;
const percent = (nats: number, write: (value: number, decimals: number) => string): string =>
  nats > Math.log(11) ? "over 1000" : write(100 * Math.expm1(nats), 1);
const signed = (value: number, decimals: number): string =>
  `${value > 0 ? "+" : ""}${formatFixed(value, decimals)}`;

/** "0.045 to 0.051"; null for an interval without ends. */
function rangeOf({ low, high }: Ends, write: (end: number) => string): string | null {
  return low === null || high === null ? null : `${write(low)} to ${write(high)}`;
}

/** A rise of the loss with three decimals, or as many as it takes to see two digits of it or of its interval. */
function lossOf(rise: Estimate): Omit<CostLine, "name"> {
  const size = Math.max(...[rise.value, rise.low ?? 0, rise.high ?? 0].map(Math.abs));
  const decimals = size > 0 ? Math.min(6, Math.max(3, 1 - Math.floor(Math.log10(size)))) : 3;
  return { value: signed(rise.value, decimals), range: rangeOf(rise, (end) => formatFixed(end, decimals)) };
}

/** "98.4 → 86.9 MB (−11.7 %)". */
export function bytesText({ before, after }: SizeChange): string {
  const [from, to] = [before, after].map(formatBytes);
  const unit = (text: string) => text.split(" ")[1];
  const shared = unit(from) === unit(to) ? from.split(" ")[0] : from;
  return `${shared} → ${to}${before > 0 ? ` (${signed(100 * (after / before - 1), 1)} %)` : ""}`;
}

/** The numbers that are known, in their order, and the loss behind them. */
export function costLines({ bytes, kl, kl99, top1, perplexity, rise }: Cost): CostLine[] {
  const [before, after] = perplexity.map((value) => formatDigits(value, 4));
  return [
    ...bytes ? [{ name: "files", value: bytesText(bytes), range: null }] : [],
    ...kl ? [{ name: "mean KLD", value: formatNumber(kl.value), range: rangeOf(kl, formatNumber) }] : [],
    ...kl99 === null ? [] : [{ name: "KLD, 99 %", value: formatNumber(kl99), range: null }],
    ...top1
      ? [{ name: "same first choice", value: formatShare(top1.value), range: rangeOf(top1, formatShare) }]
      : [],
    {
      name: "perplexity",
      value: `${before} → ${after} (${percentOf(rise.value)})`,
      range: rangeOf(rise, percentOf),
    },
    { name: "loss, nats per token", ...lossOf(rise) },
  ];
}

/** "98.4 → 86.9 MB (−11.7 %) · KLD 0.048 (95 %: 0.045 to 0.051), 99 %: 0.31 · same first choice 88.4 % · perplexity +2.1 % (0.9 to 3.3)". */
export function fiveText({ bytes, kl, kl99, top1, rise }: Cost): string {
  const klRange = kl && rangeOf(kl, formatNumber);
  const range = rangeOf(rise, (end) => percent(end, formatFixed));
  return [
    ...bytes ? [bytesText(bytes)] : [],
    ...kl ? [`KLD ${formatNumber(kl.value)}${klRange ? ` (95 %: ${klRange})` : ""}${tailText(kl99)}`] : [],
    ...top1 ? [`same first choice ${formatShare(top1.value)}`] : [],
    `perplexity ${percentOf(rise.value)}${range ? ` (${range})` : ""}`,
  ].join("\u00a0· "); // a line ends with the dot
}

const tailText = (kl99: number | null): string => kl99 === null ? "" : `, 99 %: ${formatDigits(kl99, 2)}`;

/** The cost as a headline: "10.8 % smaller: KLD 0.0175 mean, 0.084 at 99 %; loss +0.015 (−0.006 to 0.036)". */
export function costTitle({ bytes, kl, kl99, rise }: Cost): string {
  const divergence = [
    ...kl ? [`${formatNumber(kl.value)} mean`] : [],
    ...kl99 === null ? [] : [`${formatDigits(kl99, 2)} at 99 %`],
  ].join(", ");
  const { value, range } = lossOf(rise);
  return `${bytes ? `${smallerText(bytes)}: ` : ""}${divergence && `KLD ${divergence}; `}` +
    `loss ${value} (${range ?? "one sample, no interval"})`;
}

/** "10.8 % smaller", "as large". */
function smallerText({ before, after }: SizeChange): string {
  const share = 100 * (1 - after / before);
  const percent = formatFixed(Math.abs(share), 1);
  return percent === "0.0" ? "As large" : `${percent} % ${share > 0 ? "smaller" : "larger"}`;
}
