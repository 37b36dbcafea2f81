/** The form of tasks that let a model choose: the likeliest of several continuations is its answer. */
import { trainPool } from "./sources.ts";
import { type DataFile, type Example, type Metric, PLAIN, type Pool, type Split, type Task } from "./task.ts";

/** Numbers of a task whose choices differ in length. */
export const BOTH: readonly Metric[] = ["acc", "acc_norm"];

/** What one task of this kind says: its shots come from the training split of its data set. */
interface Choice extends Pick<Task, "name" | "read">, Partial<Pick<Task, "version" | "metrics">> {
  readonly dataset: string;
  readonly split?: Split["split"];
  readonly file: DataFile;
  /** The training split on the hub: the data set with its revision, and the file. */
  readonly train: readonly [repo: string, path: string];
  readonly drawn?: Pool["choice"];
}

/** A task of this kind; by default its rows are those for validation, and its choices are much alike in length. */
export function choiceTask(
  { dataset, split = "validation", file, train, drawn = "draw-others", metrics = ["acc"], ...own }: Choice,
): Task {
  const pool = trainPool(dataset, drawn, ...train);
  return { ...PLAIN, documents: { dataset, split, file }, pool, metrics, ...own };
}

/** A question and texts that may follow it. */
export function choose(question: string, choices: readonly string[], gold: number): Example {
  return {
    question,
    answer: choices[gold],
    requests: choices.map((choice) => ({ context: question, continuation: ` ${choice}` })),
    choices,
    gold,
  };
}

/** A question whose choices stand below it behind letters; the letters are what is scored. */
export function lettered(question: string, texts: readonly string[], gold: number): Example {
  const letters = [..."ABCDE"].slice(0, texts.length);
  const lines = texts.map((text, i) => `${letters[i]}. ${text}`);
  return choose([question, ...lines, "Answer:"].join("\n"), letters, gold);
}
