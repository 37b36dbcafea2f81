/** MMLU: 57 subjects, each a task, in four groups. */
import type { Fields } from "./fields.ts";
import { lettered } from "./choice.ts";
import { strip } from "./python.ts";
import { savedFile } from "./sources.ts";
import { type Example, PLAIN, type Task } from "./task.ts";
import groups from "./mmlu.json" with { type: "json" };

/** The subjects of each group. */
const SUBJECTS = Object.fromEntries(
  Object.entries(groups).map(([group, subjects]) => [group, subjects.split(" ")]),
);

/** Names of the subjects' tasks by group; "mmlu" is all of them. */
export const mmluGroups: Readonly<Record<string, readonly string[]>> = {
  mmlu: Object.values(SUBJECTS).flat().map((subject) => `mmlu_${subject}`).sort(),
  ...Object.fromEntries(
    Object.entries(SUBJECTS).map(([group, subjects]) => [group, subjects.map((name) => `mmlu_${name}`)]),
  ),
};

function subjectTask(subject: string): Task {
  const dataset = `cais/mmlu, ${subject}`;
  const file = (split: string) => savedFile(`hails/mmlu_no_train/${subject}/${split}`);
  return {
    ...PLAIN,
    name: `mmlu_${subject}`,
    documents: { dataset, split: "test", file: file("test") },
    pool: { dataset, split: "dev", file: file("dev"), choice: "first" },
    description: `The following are multiple choice questions (with answers) about ${
      subject.replaceAll("_", " ")
    }.\n\n`,
    metrics: ["acc"],
    read,
  };
}

function read(row: Fields): Example {
  const choices = row.texts("choices");
  if (choices.length !== 4) throw row.fault("choices", choices, "four texts");
  return lettered(strip(row.text("question")), choices, row.label("answer", 4));
}

export const mmluTasks: readonly Task[] = Object.values(SUBJECTS).flat().map(subjectTask);
