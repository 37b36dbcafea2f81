/** The form of tasks that let a model choose: the likeliest of several continuations is its answer. */
import type { Example } from "./task.ts";

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
