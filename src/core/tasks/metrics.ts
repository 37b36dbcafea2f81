/** From a model's outcomes to a task's numbers. All in float64. */
import { sum } from "../entry/mod.ts";
import type { Document } from "./requests.ts";
import type { Metric, Task } from "./task.ts";
import { strip } from "./python.ts";

/** The answers of a model to a document. */
export interface Outcome {
  /** Log-likelihood (nats) of each request's continuation. */
  readonly logLikelihoods: readonly number[];
  /** Whether every token of it was the likeliest one. */
  readonly greedy: readonly boolean[];
  /** The generated text; "" for tasks that generate none. */
  readonly text: string;
}

/** What a document contributes to each metric: 0 or 1, or (perplexity) its log-likelihood in nats. */
type Score = Readonly<Partial<Record<Metric, number>>>;

/** A number, its standard error (NaN for one document), and the number of documents. */
export type Estimate = { readonly value: number; readonly stderr: number; readonly documents: number };

export function scoreDocument(task: Task, document: Document, outcome: Outcome): Score {
  return Object.fromEntries(
    task.metrics.map((metric) => [metric, contribution(task, metric, document, outcome)]),
  );
}

function contribution(task: Task, metric: Metric, document: Document, outcome: Outcome): number {
  const { logLikelihoods, greedy, text } = outcome;
  const { choiceLengths, gold } = document;
  switch (metric) {
    case "acc":
      if (task.metrics.includes("perplexity")) return Number(greedy[0]);
      return Number(chosen(metric, logLikelihoods, choiceLengths) === gold);
    case "acc_norm":
      return Number(chosen(metric, logLikelihoods, choiceLengths) === gold);
    case "perplexity":
      return logLikelihoods[0];
    default:
      return Number(exactMatch(task, metric, text, gold as string));
  }
}

/** The choice that is the answer: the likeliest one, or by `acc_norm` the likeliest for its length. */
export function chosen(
  metric: Metric,
  logLikelihoods: readonly number[],
  lengths: readonly number[],
): number {
  const scores = metric === "acc_norm" ? logLikelihoods.map((sum, i) => sum / lengths[i]) : logLikelihoods;
  return scores.indexOf(Math.max(...scores));
}

export function estimate(metric: Metric, scores: readonly Score[]): Estimate {
  const values = scores.map((score) => score[metric]!);
  const average = mean(values);
  if (metric !== "perplexity") return average;
  const value = Math.exp(-average.value);
  // The delta method: the derivative of exp(−x) has the size of the value. lm-eval's bootstrap tends to the same.
  return { ...average, value, stderr: value * average.stderr };
}

/** The mean, with the standard error s / √n; s is the sample deviation. */
function mean(values: readonly number[]): Estimate {
  const n = values.length;
  const value = sum(values) / n;
  const squares = sum(values, (x) => (x - value) ** 2);
  return { value, stderr: Math.sqrt(squares / (n - 1) / n), documents: n };
}

/** A group's number: over all its documents, not over its tasks. */
export function pooled(parts: readonly Estimate[]): Estimate {
  const documents = sum(parts, ({ documents }) => documents);
  const value = sum(parts, ({ value, documents: n }) => value * n) / documents;
  const several = parts.filter(({ documents: n }) => n > 1);
  const squares = sum(several, ({ stderr, documents: n }) => (n - 1) * n * stderr ** 2);
  const variance = squares / (documents - parts.length);
  return { value, stderr: Math.sqrt(variance / documents), documents };
}

/** A suite's average: each task counts once, however many documents it has. */
export function averaged(parts: readonly Estimate[]): Estimate {
  return {
    value: sum(parts, ({ value }) => value) / parts.length,
    stderr: Math.sqrt(sum(parts, ({ stderr }) => stderr ** 2)) / parts.length,
    documents: sum(parts, ({ documents }) => documents),
  };
}

/** The text before the first of each stop string, taken in order. */
export function beforeStops(text: string, stops: readonly string[]): string {
  return stops.reduce((kept, stop) => stop === "" ? kept : kept.split(stop, 1)[0], text);
}

/** The answer that a filter finds: the first match (strict) or the last one (flexible), or "[invalid]". */
export function extractAnswer(task: Task, metric: Metric, text: string): string {
  const filter = task.generation?.filters[metric];
  if (!filter) throw new TypeError(`Cannot find answers of ${task.name}: it has no filter ${metric}`);
  const match = [...text.matchAll(filter)].at(metric === "flexible" ? -1 : 0);
  const group = match?.slice(1).find((found) => found !== undefined);
  return group === undefined ? "[invalid]" : strip(group);
}

/** Whether generated text has the right answer. */
export function exactMatch(task: Task, metric: Metric, text: string, gold: string): boolean {
  const found = extractAnswer(task, metric, text);
  return normalized(found, task.generation!.dropsFinalDot) ===
    normalized(gold, task.generation!.dropsFinalDot);
}

/** Without commas, dollars, what stands before the last "#### ", and perhaps one final dot. */
function normalized(answer: string, dropsFinalDot: boolean): string {
  const number = answer.replaceAll(",", "").replaceAll("$", "").replace(/^[^]*#### /, "");
  return (dropsFinalDot ? number.replace(/\.(?=\n?$)/, "") : number).toLowerCase();
}
