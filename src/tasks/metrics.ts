/** From a model's outcomes to a task's numbers. All in float64. */
import { exactMatch } from "./answers.ts";
import type { Document } from "./requests.ts";
import type { Metric, Task } from "./task.ts";

/** What a model made of a document. */
export interface Outcome {
  /** Log-likelihood (nats) of each request's continuation. */
  readonly logLikelihoods: readonly number[];
  /** Whether every token of it was the likeliest one. */
  readonly greedy: readonly boolean[];
  /** The generated text; "" for tasks that generate none. */
  readonly text: string;
}

/** What a document contributes to each metric: 0 or 1, or (perplexity) its log-likelihood in nats. */
export type Score = Readonly<Partial<Record<Metric, number>>>;

/** A number, its standard error (NaN for one document), and how many documents it is of. */
export interface Estimate {
  readonly value: number;
  readonly stderr: number;
  readonly documents: number;
}

/** The contributions of a document. */
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
      return Number(largest(logLikelihoods) === gold);
    case "acc_norm":
      return Number(largest(logLikelihoods.map((sum, i) => sum / choiceLengths[i])) === gold);
    case "perplexity":
      return logLikelihoods[0];
    default:
      return Number(exactMatch(task, metric, text, gold as string));
  }
}

/** The index of the first largest value. */
const largest = (values: readonly number[]) => values.indexOf(Math.max(...values));

/** A metric over all documents. */
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
  const value = values.reduce((sum, x) => sum + x, 0) / n;
  const squares = values.reduce((sum, x) => sum + (x - value) ** 2, 0);
  return { value, stderr: Math.sqrt(squares / (n - 1) / n), documents: n };
}

/** A group's number: over all its documents, not over its tasks. */
export function pooled(parts: readonly Estimate[]): Estimate {
  const documents = parts.reduce((sum, { documents: n }) => sum + n, 0);
  const value = parts.reduce((sum, { value, documents: n }) => sum + value * n, 0) / documents;
  const several = parts.filter(({ documents: n }) => n > 1);
  const variance = several.reduce((sum, { stderr, documents: n }) => sum + (n - 1) * n * stderr ** 2, 0) /
    (documents - parts.length);
  return { value, stderr: Math.sqrt(variance / documents), documents };
}

/** A suite's average: each task counts once, however many documents it has. */
export function averaged(parts: readonly Estimate[]): Estimate {
  const total = (of: (part: Estimate) => number) => parts.reduce((sum, part) => sum + of(part), 0);
  return {
    value: total(({ value }) => value) / parts.length,
    stderr: Math.sqrt(total(({ stderr }) => stderr ** 2)) / parts.length,
    documents: total(({ documents }) => documents),
  };
}
