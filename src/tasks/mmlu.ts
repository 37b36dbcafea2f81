/** MMLU: 57 subjects, each a task, in four groups. */
import type { Fields } from "./fields.ts";
import { lettered } from "./choice.ts";
import { strip } from "./python.ts";
import { savedFile } from "./sources.ts";
import { type Example, PLAIN, type Task } from "./task.ts";

const words = (text: string) => text.trim().split(/\s+/);

const SUBJECTS: Readonly<Record<string, readonly string[]>> = {
  mmlu_stem: words(
    `abstract_algebra anatomy astronomy college_biology college_chemistry college_computer_science
    college_mathematics college_physics computer_security conceptual_physics electrical_engineering
    elementary_mathematics high_school_biology high_school_chemistry high_school_computer_science
    high_school_mathematics high_school_physics high_school_statistics machine_learning`,
  ),
  mmlu_social_sciences: words(`econometrics high_school_geography high_school_government_and_politics
    high_school_macroeconomics high_school_microeconomics high_school_psychology human_sexuality
    professional_psychology public_relations security_studies sociology us_foreign_policy`),
  mmlu_humanities: words(`formal_logic high_school_european_history high_school_us_history
    high_school_world_history international_law jurisprudence logical_fallacies moral_disputes moral_scenarios
    philosophy prehistory professional_law world_religions`),
  mmlu_other: words(`business_ethics clinical_knowledge college_medicine global_facts human_aging management
    marketing medical_genetics miscellaneous nutrition professional_accounting professional_medicine virology`),
};

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
