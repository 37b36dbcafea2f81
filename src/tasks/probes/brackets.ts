/**
 * Brackets: a text of brackets of three kinds, each closed by its own. The last one open is some way back, behind groups that are closed
 * already, and the model chooses which bracket closes it. Generated code needs the same (arXiv 2602.01997 counts balanced brackets).
 */
import type { Task } from "../task.ts";
import { type Draws, madeTask } from "./made.ts";

const OPENING = ["(", "[", "{"] as const;
const CLOSING = [")", "]", "}"] as const;

/** Brackets of a text, at least. */
const LENGTH = 24;
/** Brackets that are open at once, at most. */
const DEEPEST = 6;

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

export const bracketTasks: readonly Task[] = [brackets];
