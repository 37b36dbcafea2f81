/** What accuracy hides: how probable the right answers are, and which answers are still the full model's. */
import { sum } from "../../entry/mod.ts";
import { halfWidth95, type Interval, mean, shareInterval } from "../../measure/mod.ts";
import type { Evaluation } from "../../result/mod.ts";
import { chosen, type Document, exactMatch, extractAnswer, type Metric, type Task } from "../../tasks/mod.ts";
import type { Item } from "./items.ts";

type Logprob = NonNullable<Evaluation["tasks"][string]["logprob"]>;

/**
 * The mean log-probability of the right answers, in nats, and its change against the full model's over the same documents, by Student's
 * t; null where answers are written, which have none.
 */
export function logprobOf(items: readonly Item[], full: readonly Item[] | null): Logprob | null {
  if (items.some(({ text }) => text !== null)) return null;
  const own = items.map(rightNats);
  const changes = full && full.map((item, i) => own[i] - rightNats(item));
  const { difference: value, low, high } = meanOf(own);
  return { value, low, high: high && Math.min(0, high), against: changes && meanOf(changes) };
}

const rightNats = ({ loglikelihoods, gold }: Item) => loglikelihoods[gold ?? 0];

function meanOf(values: readonly number[]): NonNullable<Logprob["against"]> {
  const difference = mean(values);
  const half = halfWidth95(values);
  return {
    difference,
    low: half === null ? null : difference - half,
    high: half === null ? null : difference + half,
  };
}

/** The share of answers that are the full model's, right or wrong; null for a perplexity, which has no answers. */
export function keptOf(
  task: Task,
  metric: Metric,
  documents: readonly Document[],
  items: readonly Item[],
  full: readonly Item[],
): Interval | null {
  if (metric === "perplexity") return null;
  const isKept = (item: Item, i: number) => isSame(task, metric, documents[i], item, full[i]);
  return shareInterval(items.filter(isKept).length, items.length);
}

/** That of several tasks, over all their documents. */
export function keptOver(tasks: readonly { readonly n: number; readonly kept: Interval }[]): Interval {
  const n = sum(tasks, ({ n }) => n);
  return shareInterval(sum(tasks, ({ n, kept }) => Math.round(n * kept.value)), n);
}

/**
 * Whether two models answer a document alike: they choose the same, their texts have the same answer, or, where a continuation is scored,
 * both have the same first choice at each of its tokens.
 */
function isSame(task: Task, metric: Metric, { choiceLengths }: Document, item: Item, full: Item): boolean {
  if (item.text !== null) {
    return exactMatch(task, metric, item.text, extractAnswer(task, metric, full.text ?? ""));
  }
  if (item.gold === null) return item.top1 === sum(item.tokens);
  return chosen(metric, item.loglikelihoods, choiceLengths) ===
    chosen(metric, full.loglikelihoods, choiceLengths);
}
