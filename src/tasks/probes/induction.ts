/**
 * Induction: a list of random words is said twice, and the second time stops in the middle. Nothing but the first time tells the next
 * word, so the number of words of the list is about how far back attention has to reach.
 */
import type { Task } from "../task.ts";
import { madeTask } from "./made.ts";
import { NOUNS } from "./words.ts";

/** Words of the list; the first is the task's without a number. */
const LENGTHS = [128, 32, 64] as const;

function induction(words: number): Task {
  return madeTask({
    name: words === LENGTHS[0] ? "induction" : `induction_${words}`,
    version: "1.0",
    probe(draws) {
      const list = draws.several(NOUNS, words);
      const said = words / 4 + draws.below(words / 2); // neither its first words nor its last
      return {
        context: [...list, ...list.slice(0, said)].join(" "),
        continuation: ` ${list[said]}`,
      };
    },
  });
}

export const inductionTasks: readonly Task[] = LENGTHS.map(induction);
