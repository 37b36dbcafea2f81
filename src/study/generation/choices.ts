/** The options of a task: how far predictions lie apart over all tokens, and over the tokens in which the options part. */
import {
  DISTANCES,
  type Estimate,
  meanPart,
  prediction,
  PREDICTION_MEASURES,
  predictionChange,
  ratio95,
} from "../../measure/mod.ts";
import { eachOf, type Reports } from "../../entry/mod.ts";
import type { Generation, TextChanges } from "../../result/mod.ts";
import { argmax, type DropPlan, noDrop, tailStreams } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { type Task, tasksNamed } from "../../tasks/mod.ts";
import { reporter } from "../base/options.ts";
import { askAll, type AskedDocument, type Running } from "../evaluate/asked.ts";
import { SHOTS_SEED } from "../evaluate/evaluate.ts";
import { compareRows, meansOf, type Pair } from "./compare.ts";

type Choices = NonNullable<Generation["plans"][number]["choices"]>;

/** A question as tokens up to where its options part, and their distinct tokens there. */
interface Question {
  readonly ids: readonly number[];
  readonly options: readonly number[];
}

type Questions = Awaited<ReturnType<typeof askQuestions>>;

/** Asks the first documents of a task. Throws `RangeError` for a task without choices, and where no document can be used. */
export async function askQuestions(model: StudyModel, name: string, limit: number, reports: Reports) {
  const task = choiceTask(name);
  const setting = { task, shots: task.shots, limit, bos: "tokenizer", seed: SHOTS_SEED } as const;
  const parts = await askAll(model, [setting], reports);
  const documents = parts.flatMap(({ documents }) => documents);
  const all = documents.map(questionOf).filter((question) => question !== null);
  if (all.length === 0) {
    throw new RangeError(
      `Cannot compare the options of ${name}: found no document whose options part, expected a task of choices such as arc_easy`,
    );
  }
  const hash = parts.map(({ hash }) => hash).join(" ");
  return { task: { name, hash, documents: all.length, leftOut: documents.length - all.length }, all };
}

function choiceTask(name: string): Task {
  const found = tasksNamed(name);
  if (found.length > 1) {
    throw new RangeError(
      `Cannot compare the options of ${name}: it is a group of ${found.length} tasks, expected one task`,
    );
  }
  const [task] = found;
  if (!task.generation) return task;
  throw new RangeError(
    `Cannot compare the options of ${name}: its answers are written, expected a task of choices such as arc_easy`,
  );
}

/** The text up to where its options part, and their tokens there; null where fewer than two of them are left. */
function questionOf({ requests }: AskedDocument): Question | null {
  const texts = requests.map(({ input, targets }) => [...input, targets.at(-1)!]);
  const [first, ...others] = texts;
  const part = first.findIndex((id, i) => others.some((other) => other[i] !== id));
  const options = new Set(texts.map((text) => text[part]).filter((id) => id !== undefined));
  return part > 0 && options.size > 1 ? { ids: first.slice(0, part), options: [...options] } : null;
}

/** Compares plans with the full model at the end of each question. */
export async function choiceChanges(
  plans: readonly DropPlan[],
  { all, task }: Questions,
  temperature: number,
  { onProgress, ...running }: Running,
): Promise<Choices[]> {
  const { model, engine, signal } = running;
  const questions = all.toSorted((a, b) => a.ids.length - b.ids.length); // equal lengths are run together
  const segments = questions.map(({ ids }) => ({ ids: Int32Array.from(ids), past: null, tail: 1 }));
  const report = reporter(task.name, "modules", { onProgress });
  const [full, ...streams] = await tailStreams({
    ...{ model, engine, signal, segments },
    plans: [noDrop, ...plans],
    onProgress: report,
  });
  const of = [...questions.keys()];
  const see = (pair: Pair, row: number) => answerOf(pair, questions[row].options, temperature);
  const answers = await compareRows(
    running,
    full,
    streams.map((own) => ({ streams: own, of })),
    temperature,
    see,
  );
  return answers.map(choicesOf);
}

function answerOf({ full, logits, change }: Pair, options: readonly number[], temperature: number) {
  const among = (all: Float32Array) => Float32Array.from(options, (id) => all[id]);
  const [from, to] = [among(full.logits), among(logits)];
  return {
    all: change,
    options: predictionChange(prediction(from, temperature), to),
    sameToken: argmax(full.logits) === argmax(logits),
    sameOption: argmax(from) === argmax(to),
  };
}

function choicesOf(answers: readonly ReturnType<typeof answerOf>[]): Choices {
  const mean = (of: (answer: typeof answers[number]) => number): Estimate | null =>
    ratio95(answers.map((answer) => meanPart([of(answer)])));
  const lists = answers.map(({ all }) => eachOf(PREDICTION_MEASURES, (name) => [all[name]]) as TextChanges);
  return {
    vocabulary: meansOf(lists),
    options: eachOf(DISTANCES, (name) => mean(({ options }) => options[name])),
    sameToken: mean(({ sameToken }) => Number(sameToken)),
    sameOption: mean(({ sameOption }) => Number(sameOption)),
  };
}
