/**
 * Arithmetic with whole numbers of one and two digits, after solved examples. Pruned models lose it long before they lose multiple choice
 * (Shrestha et al., On the Limits of Layer Pruning for Generative Reasoning, arXiv 2602.01997); like that paper, the score is the
 * log-probability of the right answer. Here it is all of the answer, with the end of its line: 12 is no answer where 1 is right.
 */
import type { Task } from "../task.ts";
import { type Draws, madeTask } from "./made.ts";

/** Solved examples before each question, two for each sign. */
const SHOTS = 6;

const SIGNS: readonly (readonly [sign: string, apply: (a: number, b: number) => number])[] = [
  ["+", (a, b) => a + b],
  ["-", (a, b) => a - b],
  ["*", (a, b) => a * b],
];

/** A task in whose documents numbers have each of these counts of digits in turn. */
function arithmetic(name: string, digits: readonly number[]): Task {
  return madeTask({
    name,
    version: "1.0",
    probe(draws, i) {
      const count = digits[i % digits.length];
      const first = Math.floor(i / digits.length); // so that every count has every sign
      const lines = Array.from({ length: SHOTS + 1 }, (_, k) => sum(draws, count, first + k));
      const [question, answer] = lines[SHOTS];
      const solved = lines.slice(0, SHOTS).map(([asked, found]) => `${asked} ${found}\n`);
      return { context: solved.join("") + question, continuation: ` ${answer}\n` };
    },
  });
}

/** A question and its answer; signs take turns. No answer is negative. */
function sum({ below }: Draws, digits: number, turn: number): [question: string, answer: number] {
  const least = 10 ** (digits - 1);
  const pair = [0, 0].map(() => least + below(9 * least));
  const [sign, apply] = SIGNS[turn % SIGNS.length];
  const [a, b] = sign === "-" ? pair.sort((one, other) => other - one) : pair;
  return [`${a} ${sign} ${b} =`, apply(a, b)];
}

export const arithmeticTasks: readonly Task[] = [
  arithmetic("arithmetic", [1, 2]),
  arithmetic("arithmetic_1", [1]),
  arithmetic("arithmetic_2", [2]),
];
