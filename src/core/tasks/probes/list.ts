/** The tasks that are made here. The next one is an entry of this list. */
import type { Task } from "../task.ts";
import { passkeyTasks } from "./passkey.ts";
import { type Draws, madeTask } from "./made.ts";
import { NOUNS } from "./words.ts";

/** Solved examples before each question, two for each sign. */
const SHOTS = 6;

const SIGNS: readonly (readonly [sign: string, apply: (a: number, b: number) => number])[] = [
  ["+", (a, b) => a + b],
  ["-", (a, b) => a - b],
  ["*", (a, b) => a * b],
];

/**
 * Arithmetic with whole numbers of one and two digits, after solved examples; numbers have each of these counts of digits in turn. Pruned
 * models lose it long before they lose multiple choice (Shrestha et al., On the Limits of Layer Pruning for Generative Reasoning,
 * arXiv 2602.01997); like that paper, the score is the log-probability of the right answer. Here it is all of the answer, with the end of
 * its line: 12 is no answer where 1 is right.
 */
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

const OPENING = ["(", "[", "{"] as const;
const CLOSING = [")", "]", "}"] as const;

/** Brackets of a text, at least. */
const LENGTH = 24;
/** Brackets that are open at once, at most. */
const DEEPEST = 6;

/**
 * Brackets: a text of brackets of three kinds, each closed by its own. The last one open is some way back, behind groups that are closed
 * already, and the model chooses which bracket closes it. Generated code needs the same (arXiv 2602.01997 counts balanced brackets).
 */
const brackets: Task = madeTask({
  name: "brackets",
  version: "1.0",
  choices: CLOSING.map((bracket) => ` ${bracket}`),
  probe(draws) {
    const { written, open } = walk(draws);
    return { context: written.join(" "), continuation: ` ${CLOSING[open.at(-1)!]}` };
  },
});

/** Brackets opened and closed at random, up to one that closes a group within a group; `open` has the kinds that are still open. */
function walk({ below }: Draws): { written: string[]; open: number[] } {
  const written: string[] = [];
  const open: number[] = [];
  for (;;) {
    const closes = open.length === DEEPEST || open.length > 0 && below(2) === 0;
    if (!closes) {
      open.push(below(OPENING.length));
      written.push(OPENING[open.at(-1)!]);
      continue;
    }
    written.push(CLOSING[open.pop()!]);
    if (written.length >= LENGTH && open.length > 0) return { written, open };
  }
}

/** Words of the list; the first is the task's without a number. */
const LENGTHS = [128, 32, 64] as const;

/**
 * Induction: a list of random words is said twice, and the second time stops in the middle. Nothing but the first time tells the next
 * word, so the number of words of the list is about how far back attention has to reach.
 */
function induction(words: number): Task {
  return madeTask({
    name: words === LENGTHS[0] ? "induction" : `induction_${words}`,
    version: "1.0",
    probe(draws) {
      const list = draws.several(NOUNS, words);
      const said = words / 4 + draws.below(words / 2); // neither its first words nor its last
      return { context: [...list, ...list.slice(0, said)].join(" "), continuation: ` ${list[said]}` };
    },
  });
}

export const probeTasks: readonly Task[] = [
  arithmetic("arithmetic", [1, 2]),
  arithmetic("arithmetic_1", [1]),
  arithmetic("arithmetic_2", [2]),
  brackets,
  ...LENGTHS.map(induction),
  ...passkeyTasks,
];
