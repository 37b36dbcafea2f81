/** A fit in words: the answer in one line, what its plan does in one sentence, and what it promises. */
import { formatBytes } from "core/entry/mod.ts";
import { changeTexts, type DropPlan, MODULES } from "core/measure/mod.ts";
import { GROUPS } from "core/run/mod.ts";
import { computedText, modelOf, sharedText, tokensOf } from "core/show/words/names.ts";
import { formatFixed, formatShare } from "core/show/words/numbers.ts";
import { capital, sentences } from "core/show/words/reading.ts";
import type { Aim, Ends, Fit, Row } from "./result.ts";

/** A number as people would type it: 10, not 10.0. */
const compact = (value: number) => String(Number(value.toPrecision(3)));

/** The divergence above which a reader notices: where another limit allows more, the answer says so. */
const NOTICED = 0.1;

function aimText({ of, amount, tasks = [], context }: Aim): string {
  const share = `${compact(100 * amount)} %`;
  const saved = amount <= 1 ? `${share} of the` : amount.toLocaleString("en-US");
  const texts: Readonly<Record<Aim["of"], string>> = {
    kld: `KLD at most ${amount}`,
    loss: `loss at most ${amount} nats per token higher`,
    perplexity: `perplexity at most ${share} higher`,
    accuracy: `accuracy on ${tasks.join(", ")} at most ${amount} points lower`,
    file: `file of at most ${amount <= 1 ? `${share} of its bytes` : formatBytes(amount)}`,
    parameters: `at least ${saved} parameters saved`,
    "kv-bytes": `at least ${saved} bytes of keys and values of ${context} tokens saved`,
    speed: `decoding at least ${amount} times as fast`,
  };
  return texts[of];
}

/** Limits and target: "KLD at most 0.05 and perplexity at most 2 % higher". */
export const promiseText = (aims: readonly Aim[]): string => aims.map(aimText).join(" and ");

/** Writes divergences with the decimals of one: three, or four of a small one. */
export const kldAs = (one: number) => (value: number): string =>
  formatFixed(value, Math.abs(one) < 0.01 ? 4 : 3);
export const kldText = (value: number): string => kldAs(value)(value);
const signed = (value: number, decimals: number) => `${value < 0 ? "" : "+"}${formatFixed(value, decimals)}`;

/** A number with its interval: "0.048 (95 %: 0.045 to 0.051)"; without one where a single sample gives none. */
const withEnds = ({ value, low, high }: Ends, write: (value: number) => string) =>
  low === null || high === null ? write(value) : `${write(value)} (95 %: ${write(low)} to ${write(high)})`;
const negated = ({ value, low, high }: Ends): Ends => (
  { value: 0 - value, low: high === null ? null : 0 - high, high: low === null ? null : 0 - low }
);

/** The rise of the perplexity by a rise of the loss, in percent. */
export const perplexityPercent = (loss: number): number => 100 * Math.expm1(loss);

/** The model's own files: what sizes are held against. */
const originalOf = ({ file }: Pick<Fit, "file">) => file?.original ?? null;

/** The share of the model's own files that a plan saves; of the weights where no file holds it. Below 0, its file is larger. */
export function savedShare(fit: Pick<Fit, "file">, { bytes, saves }: Pick<Row, "bytes" | "saves">): number {
  const original = originalOf(fit);
  return original && bytes ? 1 - bytes / original : saves.parametersShare;
}

/** "98.4 → 86.9 MB (−11.7 %)", or the share of weights. */
export function sizeText(fit: Pick<Fit, "file">, row: Pick<Row, "bytes" | "saves">): string {
  const original = originalOf(fit);
  const share = savedShare(fit, row);
  const less = `${share < 0 ? "+" : "−"}${formatShare(Math.abs(share))}`;
  if (!original || !row.bytes) return `${less} of the weights`;
  const [from, to] = [formatBytes(original), formatBytes(row.bytes)];
  const unit = to.slice(to.indexOf(" "));
  return `${from.endsWith(unit) ? from.slice(0, -unit.length) : from} → ${to} (${less})`;
}

/** The five numbers of a plan in one line, always in this order. */
export function numbersText(fit: Pick<Fit, "file">, row: Row): string {
  const { kld, kld99, same, loss, points } = row;
  const ppl = loss.low === null || loss.high === null
    ? ""
    : ` (${formatFixed(perplexityPercent(loss.low), 1)} to ${formatFixed(perplexityPercent(loss.high), 1)})`;
  return [
    sizeText(fit, row),
    `KLD ${withEnds(kld, kldAs(kld.value))}, 99 %: ${formatFixed(kld99, 2)}`,
    `same first choice ${formatShare(same.value)}`,
    `perplexity ${signed(perplexityPercent(loss.value), 1)} %${ppl}`,
    ...points ? [`accuracy ${withEnds(negated(points), (value) => signed(value, 1))} points`] : [],
  ].join(" · ");
}

/** The answer's row; null where nothing keeps the limits. */
export const answerRow = ({ confirmed, answer }: Fit) => answer === null ? null : confirmed[answer];

/** The first line of a fit. */
export function headline(fit: Fit): string {
  const row = answerRow(fit);
  if (row) return numbersText(fit, row);
  const original = originalOf(fit);
  return `${original ? `${formatBytes(original)} stay` : "The weights stay"}: nothing is sure to have ${
    promiseText(fit.aims)
  }`;
}

const GROUP_NAMES = { attention: { in: "q/k/v", out: "o" }, mlp: { in: "gate/up", out: "down" } } as const;

/** What a plan does, by ranges: "table Q5_0; q/k/v Q4_0 in 22 of 30 layers; without attention 25 26". */
function planSentence(
  { attention, mlp, changes = [], tables = {} }: DropPlan,
  layers: number,
): string {
  const { both, embedding, head } = tables;
  const parts = [
    both
      ? `one table in the place of two${embedding ? `, ${embedding}` : ""}`
      : embedding && `table ${embedding}`,
    head && `head ${head}`,
  ];
  for (const module of MODULES) {
    for (const group of GROUPS) {
      const types = changes.flatMap((change) =>
        change.module === module && change.to === "types" && change[group] ? [change[group]] : []
      );
      const counts = [...Map.groupBy(types, (type) => type)].sort((a, b) => b[1].length - a[1].length)
        .map(([type, own], i) => `${type} in ${own.length}${i === 0 ? ` of ${layers} layers` : ""}`);
      if (counts.length > 0) parts.push(`${GROUP_NAMES[module][group]} ${counts.join(", ")}`);
    }
  }
  const without = [
    ...attention.length > 0 ? [`attention ${attention.join(" ")}`] : [],
    ...mlp.length > 0 ? [`MLP ${mlp.join(" ")}`] : [],
  ];
  if (without.length > 0) parts.push(`without ${without.join(" and ")}`);
  return `${capital(parts.filter(Boolean).join("; "))}.`;
}

/** The plan of a fit by layers, for those who ask for all of it. */
export const planLines = (drop: DropPlan): string[] => [
  ...MODULES.flatMap((module) =>
    drop[module].length > 0 ? [`without ${module === "mlp" ? "MLP" : module} ${drop[module].join(" ")}`] : []
  ),
  ...changeTexts(drop),
];

/** What the answer says besides its numbers. */
export function answerText(fit: Fit): string {
  const row = answerRow(fit);
  const { aims, provenance: { model }, confirmed } = fit;
  if (!row) {
    const [first] = confirmed;
    return first ? `The smallest plan that was confirmed has ${numbersText(fit, first)}.` : "";
  }
  const isOther = !aims.some(({ of }) => of === "kld");
  return sentences(
    planSentence(row.drop, model.layers),
    isOther && row.kld.value > NOTICED &&
      `The limit is met, and yet the model predicts otherwise: KLD ${kldText(row.kld.value)}, and at ${
        formatShare(1 - row.same.value)
      } of tokens another first choice.`,
    sharedText([fit]),
  );
}

/** Where a fit was measured. */
export const fitSetting = (fit: Fit): string => {
  const { provenance, confirming } = fit;
  return [modelOf(provenance.model), tokensOf(confirming), computedText(provenance)].join(" · ");
};

const BASELINE_NAMES: Readonly<Record<Fit["baselines"][number]["by"], (type: string | null) => string>> = {
  uniform: (type) => `${type} for all`,
  rule: (type) => `rule, ${type}`,
  drops: () => "drops alone",
};
/** How a baseline is called. */
export const baselineName = ({ by, type }: Fit["baselines"][number]): string => BASELINE_NAMES[by](type);
