/** The tasks that are made here. The next one is a file of this folder and an entry of this list. */
import type { Task } from "../task.ts";
import { arithmeticTasks } from "./arithmetic.ts";
import { bracketTasks } from "./brackets.ts";
import { inductionTasks } from "./induction.ts";
import { passkeyTasks } from "./passkey.ts";

export const probeTasks: readonly Task[] = [
  ...arithmeticTasks,
  ...bracketTasks,
  ...inductionTasks,
  ...passkeyTasks,
];
