/** From documents to the numbers of tasks, groups and their average, next to the full model's. */
import { sum } from "core/entry/mod.ts";
import {
  type AccuracyChange,
  calibrationError,
  changeOver,
  halfWidth95,
  type Interval,
  mean,
  meanInterval,
  predictionSetSize,
  roundsShare,
  shareInterval,
} from "core/measure/mod.ts";
import {
  accuracyOf,
  allOf,
  changesIn,
  itemsLike,
  type Main,
  meanAccuracyOf,
  type ShareMain,
  sharesOf,
} from "./accuracy.ts";
import type { Evaluation } from "./result.ts";
import {
  averaged,
  chosen,
  type Document,
  type Estimate,
  estimate,
  exactMatch,
  extractAnswer,
  type Metric,
  pooled,
  type Task,
} from "core/tasks/mod.ts";
import type { Part } from "./asked.ts";
import type { Item } from "./items.ts";
import type { Rounds } from "./rounds.ts";

type Scores = Evaluation["tasks"][string];
type Tasks = Readonly<Record<string, Scores>>;

interface Base {
  /** The full model's tasks, over the same documents; null for the full model itself. */
  readonly full: Tasks | null;
  readonly margin: number;
  /** Rounds in which documents of tasks were asked, by name; none where all were. */
  readonly rounds: ReadonlyMap<string, Rounds>;
}

type Parts = readonly { readonly part: Part; readonly items: readonly Item[] }[];

/** A plan's summary; `full` is the full model's, over the same documents. */
export function summarise(
  parts: Parts,
  mains: readonly Main[],
  full: Pick<Evaluation, "tasks" | "groups" | "average"> | null,
  margin: number,
  rounds: Base["rounds"] = new Map(),
) {
  const base: Base = { full: full && full.tasks, margin, rounds };
  const tasks: Record<string, Scores> = {};
  for (const { part: { setting } } of parts) {
    const { task } = setting;
    if (task.name in tasks) continue;
    const own = parts.filter(({ part }) => part.setting.task === task);
    const asked = full ? rounds.get(task.name) : undefined;
    tasks[task.name] = asked ? taskInRounds(setting, own, base, asked) : taskOf(setting, own, base);
  }
  const groups = Object.fromEntries(
    mains.filter(({ members }) => members.length > 1)
      .map((main) => [main.name, groupOf(tasks, { ...main, metric: "acc" }, base)]),
  );
  return { tasks, groups, average: averageOf(tasks, groups, sharesOf(mains), base) };
}

function taskOf({ task, shots }: Part["setting"], parts: Parts, base: Base): Scores {
  const items = parts.flatMap(({ items }) => items);
  const documents = parts.flatMap(({ part }) => part.documents.map(({ document }) => document));
  const full = base.full && base.full[task.name].items;
  const estimates = task.metrics.map((metric) => {
    return [metric, estimate(metric, items.map((item) => ({ [metric]: item[metric]! })))] as const;
  });
  const found: Scores = {
    version: task.version,
    shots,
    n: items.length,
    ...Object.fromEntries(estimates.map(([metric, { value }]) => [metric, value])),
    metrics: {},
    logprob: logprobOf(items, full),
    ...agreementOf(items),
    ...calibrationOf(items),
    cut: items.filter(({ cut }) => cut > 0).length,
    items,
  };
  const own = { [task.name]: found };
  for (const [metric, { value, stderr }] of estimates) {
    const main: Main = { name: task.name, members: [task.name], metric };
    const errors = isShare(main)
      ? errorsOf(accuracyOf(own, main), changeOf(own, [main], base))
      : errorsOf(perplexityInterval(items), null);
    const kept = full && keptOf(task, metric, documents, items, full);
    found.metrics[metric] = { value, stderr: finite(stderr), ...errors, kept };
  }
  return found;
}

/** How far predictions are from the full model's, per scored token; null without one. */
function agreementOf(items: readonly Item[]): Pick<Scores, "kl" | "top1"> {
  const tokens = sum(items, (item) => sum(item.tokens));
  const perToken = (key: "kl" | "top1") => tokens === 0 ? null : sum(items, (item) => item[key]) / tokens;
  return { kl: perToken("kl"), top1: perToken("top1") };
}

/** A task in rounds: changes against the full model over the documents that were asked, and its numbers beside the full model's. */
function taskInRounds(
  { task, shots }: Part["setting"],
  parts: Parts,
  { full, margin }: Base,
  { of, rounds }: Rounds,
): Scores {
  const asked = parts.flatMap(({ part: { documents }, items }) =>
    items.map((item, i) => ({ item, document: documents[i].document }))
  ).sort((a, b) => a.item.index - b.item.index);
  const [items, documents] = [asked.map(({ item }) => item), asked.map(({ document }) => document)];
  const whole = full![task.name];
  const others = itemsLike(items, whole.items);
  const found: Scores = {
    version: task.version,
    shots,
    n: items.length,
    drawn: { of, rounds: [...rounds] },
    metrics: {},
    logprob: movedBy(whole.items, items, others),
    ...agreementOf(items),
    ece: null,
    cut: items.filter(({ cut }) => cut > 0).length,
    items,
  };
  const own = { [task.name]: found };
  for (const metric of task.metrics) {
    const main = { name: task.name, members: [task.name], metric } as ShareMain;
    const against = changeOver([changesIn(own, full!, main)], margin);
    const { value, low, high } = plus(whole.metrics[metric], against);
    const same = documents.map((document, i) => isSame(task, metric, document, items[i], others[i]));
    found[metric] = value;
    found.metrics[metric] = {
      value,
      stderr: null,
      low: Math.max(0, low!),
      high: Math.min(1, high!),
      against,
      kept: roundsShare(same),
    };
  }
  return found;
}

/** The full model's number and a plan's change, as if both were independent: they vary against each other, so that the interval is wide enough. */
function plus<T extends Logprob["against"]>(
  { value, low, high }: { readonly value: number; readonly low: number | null; readonly high: number | null },
  change: NonNullable<T>,
) {
  const end = (to: "low" | "high", own: number | null) => {
    const [all, moved] = [own, change[to]].map((end) => end === null ? Infinity : end);
    const far = Math.hypot(all - value, moved - change.difference);
    return Number.isFinite(far) ? value + change.difference + (to === "low" ? -far : far) : null;
  };
  return { value: value + change.difference, low: end("low", low), high: end("high", high) };
}

/** The mean log-probability from the full model's over all its documents and its change over those that were asked. */
function movedBy(all: readonly Item[], items: readonly Item[], others: readonly Item[]): Logprob {
  const { difference: value, low, high } = meanOf(all.map(rightNats));
  const against = meanOf(items.map((item, i) => rightNats(item) - rightNats(others[i])));
  return { ...plus({ value, low, high }, against), against };
}

const isShare = (main: Main): main is ShareMain => main.metric !== "perplexity";

/** The fields of a number's errors, but for lm-eval's. */
const errorsOf = (interval: Pick<Interval, "low" | "high"> | null, against: AccuracyChange | null) => ({
  low: interval && interval.low,
  high: interval && interval.high,
  against,
});

function changeOf(tasks: Tasks, mains: readonly ShareMain[], { full, margin }: Base): AccuracyChange | null {
  return full && changeOver(mains.map((main) => changesIn(tasks, full, main)), margin);
}

/** By Student's t over the documents' log-likelihoods. */
function perplexityInterval(items: readonly Item[]): Pick<Interval, "low" | "high"> | null {
  const nats = items.map(({ perplexity }) => perplexity!);
  const half = halfWidth95(nats);
  if (half === null) return null;
  const at = (nll: number) => Math.min(Math.exp(nll), Number.MAX_VALUE); // JSON has no infinity
  return { low: at(-mean(nats) - half), high: at(-mean(nats) + half) };
}

/**
 * The choices' likelihoods as shares that sum to one: how sure the likeliest is, against how often it is right; and how many choices it takes
 * to have the right one.
 */
function calibrationOf(items: readonly Item[]): Pick<Scores, "ece" | "sets"> {
  const scored = items.filter(({ gold }) => gold !== null);
  if (scored.length === 0) return { ece: null };
  const shares = scored.map(({ loglikelihoods }) => {
    const most = Math.max(...loglikelihoods);
    const parts = loglikelihoods.map((one) => Math.exp(one - most));
    const all = sum(parts);
    return parts.map((part) => part / all);
  });
  const sets = predictionSetSize(shares, scored.map(({ gold }) => gold!));
  return {
    ece: calibrationError(shares.map((own) => Math.max(...own)), scored.map(({ acc }) => acc === 1)),
    ...sets === null ? {} : { sets },
  };
}

function groupOf(tasks: Tasks, main: ShareMain, base: Base): Evaluation["groups"][string] {
  const of = main.members.map((name): Estimate => {
    const { n, metrics: { acc } } = tasks[name];
    return { value: acc.value, stderr: acc.stderr ?? NaN, documents: n };
  });
  const { value, stderr, documents } = pooled(of);
  const itemsOf = (from: Tasks) => main.members.flatMap((name) => from[name].items);
  const own = main.members.map((name) => tasks[name]);
  const inRounds = own.some(({ drawn }) => drawn);
  const kept = own.map(({ n, metrics: { acc: { kept } } }) => ({ n, kept: kept! }));
  return {
    tasks: [...main.members],
    n: documents,
    acc: inRounds ? accuracyOf(tasks, main).value : value,
    stderr: finite(stderr),
    ...errorsOf(accuracyOf(tasks, main), changeOf(tasks, [main], base)),
    kept: !base.full
      ? null
      : inRounds
      ? meanInterval(kept.map(({ kept }) => kept), own.map(allOf))
      : keptOver(kept),
    logprob: inRounds ? logprobOver(own) : logprobOf(itemsOf(tasks), base.full && itemsOf(base.full)),
  };
}

/** The unweighted mean of the main numbers, its error as if the tasks were independent. */
function averageOf(tasks: Tasks, groups: Evaluation["groups"], shares: readonly ShareMain[], base: Base) {
  if (shares.length < 2) return null;
  const { value, stderr } = averaged(shares.map(({ name, members, metric }): Estimate => {
    const { value, stderr } = members.length > 1
      ? { value: groups[name].acc, stderr: groups[name].stderr }
      : tasks[members[0]].metrics[metric];
    return { value, stderr: stderr ?? NaN, documents: 0 };
  }));
  return {
    value,
    of: shares.map(({ name, metric }) => `${name} ${metric}`),
    stderr: finite(stderr),
    ...errorsOf(meanAccuracyOf(tasks, shares), changeOf(tasks, shares, base)),
  };
}

const finite = (value: number): number | null => Number.isFinite(value) ? value : null;

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

/** That of several tasks, over all their documents. */
function logprobOver(tasks: readonly Scores[]): Logprob {
  const over = (of: (found: Logprob) => Interval) =>
    meanInterval(tasks.map(({ logprob }) => of(logprob!)), tasks.map(allOf));
  const against = over(({ against }) => (
    { value: against!.difference, low: against!.low ?? -Infinity, high: against!.high ?? Infinity }
  ));
  const own = over(({ value, low, high }) => ({ value, low: low ?? -Infinity, high: high ?? Infinity }));
  return {
    value: own.value,
    low: finite(own.low),
    high: finite(own.high),
    against: { difference: against.value, low: finite(against.low), high: finite(against.high) },
  };
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
