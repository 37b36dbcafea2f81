/** Tasks by name, groups of them, and the suite of the paper. */
import { nearNames } from "../entry/mod.ts";
import { choiceTasks } from "./choices.ts";
import { gsm8kTasks } from "./gsm8k.ts";
import { mmluGroups, mmluTasks } from "./mmlu.ts";
import { probeTasks } from "./probes/list.ts";
import { passkeyNamed } from "./probes/passkey.ts";
import type { Metric, Task } from "./task.ts";
import list from "./suites.json" with { type: "json" };

const OLD = "@1.0";

/** A task whose version is not the newest is asked for by it: "gsm8k@1.0". */
const tasks: ReadonlyMap<string, Task> = new Map(
  [...choiceTasks, ...gsm8kTasks, ...mmluTasks, ...probeTasks].map((task) => [
    task.name === "gsm8k" && task.version === "1.0" ? task.name + OLD : task.name,
    task,
  ]),
);

/** Names of single tasks; a passkey's text may have any other length too. */
export const taskNames: readonly string[] = [...tasks.keys()];

/** Names of groups, each with its tasks'. */
export const taskGroups: Readonly<Record<string, readonly string[]>> = mmluGroups;

/**
 * The tasks that a name stands for: one, or those of a group.
 *
 * @throws RangeError for an unknown name, with those that it may be meant for, or a passkey's impossible length
 */
export function tasksNamed(name: string): Task[] {
  const members = Object.hasOwn(taskGroups, name) ? taskGroups[name] : [name];
  return members.map((member) => tasks.get(member) ?? passkeyNamed(member) ?? unknown(member));
}

function unknown(name: string): never {
  const all = [...taskNames, ...Object.keys(taskGroups)];
  const near = nearNames(name, all).slice(0, 5);
  const few = all.filter((name) => !name.startsWith("mmlu_")).join(", ");
  throw new RangeError(
    `Cannot find the task ${JSON.stringify(name)}: expected one of ${few}, mmlu_SUBJECT` +
      (near.length > 0 ? ` (did you mean ${near.join(", ")}?)` : ""),
  );
}

/** A task or group of a suite: with how many shots, and which of its metrics counts. */
type SuiteEntry = { readonly task: string; readonly shots: number; readonly metric: Metric };

/** Sets of tasks that are averaged, each task counting once: the paper's nine, and its four for Llama-3. */
export const suites = list as unknown as Readonly<Record<string, readonly SuiteEntry[]>>;
