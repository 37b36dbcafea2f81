/** Answers in generated text: where it ends, which part of it counts, and when two are the same. */
import { strip } from "./python.ts";
import type { Metric, Task } from "./task.ts";

const NONE = "[invalid]";

/** The text before the first of each stop string, taken in order. */
export function beforeStops(text: string, stops: readonly string[]): string {
  return stops.reduce((kept, stop) => stop === "" ? kept : kept.split(stop, 1)[0], text);
}

/** What a filter finds: the first match (strict) or the last one (flexible), or "[invalid]". */
export function extractAnswer(task: Task, metric: Metric, text: string): string {
  const filter = task.generation?.filters[metric];
  if (!filter) throw new TypeError(`Cannot find answers of ${task.name}: it has no filter ${metric}`);
  const match = [...text.matchAll(filter)].at(metric === "flexible" ? -1 : 0);
  const group = match?.slice(1).find((found) => found !== undefined);
  return group === undefined ? NONE : strip(group);
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
