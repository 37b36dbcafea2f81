/**
 * Tasks whose continuations are scored: the likeliest of several is the answer, or one alone is. choices.json says where their rows lie: in a
 * file of the benchmark package, saved or as requests; and those of shots, in the training split of the data set on the hub.
 */
import type { Row } from "../text/mod.ts";
import { choose, lettered } from "./choice.ts";
import type { Fields } from "./fields.ts";
import { capitalize, lstrip, strip } from "./python.ts";
import { requestsFile, savedFile, trainPool } from "./sources.ts";
import { type Example, type Metric, PLAIN, type Pool, type Split, type Task } from "./task.ts";
import list from "./choices.json" with { type: "json" };

/** A task as it is listed; by default its rows are those for validation, and its choices are much alike in length. */
interface Listed {
  /** "Yaml" is lm-eval's word for none. */
  readonly version?: string;
  readonly dataset: string;
  readonly split?: Split["split"];
  readonly saved?: string;
  readonly requests?: string;
  /** The data set with its revision, and the file; absent for a task without shots. */
  readonly train?: readonly [repo: string, path: string];
  readonly drawn?: Pool["choice"];
  readonly metrics?: readonly Metric[];
}

/** How a row is read; and the row that a request stands for, where the task has requests. */
type Reading = readonly [read: (row: Fields) => Example, row?: (request: Fields) => Row];

const readings: Readonly<Record<keyof typeof list, Reading>> = {
  boolq: [
    (row) =>
      labelled(row, `${row.text("passage")}\nQuestion: ${row.text("question")}?\nAnswer:`, ["no", "yes"]),
    boolqRow,
  ],
  rte: [
    (row) =>
      labelled(row, `${row.text("sentence1")}\nQuestion: ${row.text("sentence2")} True or False?\nAnswer:`, [
        "True",
        "False",
      ]),
  ],
  openbookqa: [
    (row) => choose(row.text("question_stem"), row.texts("choices.text"), letter(row, lstrip)),
    (request) => scienceRow(request, "question_stem"),
  ],
  piqa: [
    (row) => labelled(row, `Question: ${row.text("goal")}\nAnswer:`, [row.text("sol1"), row.text("sol2")]),
  ],
  winogrande: [fillBlank],
  hellaswag: [hellaswag],
  copa: [copa],
  commonsense_qa: [commonsenseQa],
  arc_challenge: [arc, (request) => scienceRow(request, "question")],
  arc_easy: [arc, (request) => scienceRow(request, "question")],
  lambada_openai: [lambada, (request) => ({
    text: request.text("request.context") + request.text("request.continuation"),
  })],
};

/** A question whose right choice of two the field `label` tells. */
const labelled = (row: Fields, question: string, choices: readonly string[]): Example =>
  choose(question, choices, row.label("label", 2));

/** The package's choices are yes and no, the data set's no and yes. */
function boolqRow(request: Fields): Row {
  const query = request.text("doc.query");
  const [, passage, question] = /^([^]*)\nQuestion: ([^]*)\?\nAnswer:$/.exec(query) ?? [];
  if (question === undefined) throw request.fault("doc.query", query, "passage, question and Answer:");
  return { passage, question, idx: request.number("doc.idx"), label: 1 - request.label("doc.gold", 2) };
}

function arc(row: Fields): Example {
  return choose(`Question: ${row.text("question")}\nAnswer:`, row.texts("choices.text"), letter(row));
}

/** ARC and OpenBookQA in the package: the question with "Question: " and "Answer:" around it, the answer by number. */
function scienceRow(request: Fields, name: string): Row {
  const query = request.text("doc.query");
  const [, question] = /^Question: ([^]*)\nAnswer:$/.exec(query) ?? [];
  if (question === undefined) throw request.fault("doc.query", query, "Question: and Answer:");
  const text = request.texts("doc.choices");
  const label = text.map((_, i) => String.fromCharCode(65 + i));
  const answerKey = label[request.label("doc.gold", text.length)];
  return { id: request.text("doc.id"), [name]: question, choices: { text, label }, answerKey };
}

/** The index of the answer's letter, or digit, among the labels. */
function letter(row: Fields, cleaned = (key: string) => key): number {
  const labels = row.texts("choices.label");
  const { length } = row.texts("choices.text");
  return row.index("answerKey", labels.indexOf(cleaned(row.text("answerKey"))), length);
}

function hellaswag(row: Fields): Example {
  const endings = row.texts("endings").map(cleanWikiHow);
  const context = `${row.text("ctx_a")} ${capitalize(row.text("ctx_b"))}`;
  const query = cleanWikiHow(`${row.text("activity_label")}: ${context}`);
  const label = row.text("label");
  const gold = row.index("label", /^\d+$/.test(label) ? Number(label) : -1, endings.length);
  return choose(query, endings, gold);
}

/** Half of HellaSwag comes from WikiHow, whose headings and notes stand in brackets. */
function cleanWikiHow(text: string): string {
  return strip(text).replaceAll(" [title]", ". ").replace(/\[[^\n]*?\]/g, "").replaceAll("  ", " ");
}

/** The choices of WinoGrande stand in the context: what follows the blank is scored after each of them. */
function fillBlank(row: Fields): Example {
  const sentence = row.text("sentence");
  const blank = sentence.indexOf("_");
  if (blank < 0) throw row.fault("sentence", sentence, 'a text with a "_"');
  const choices = [row.text("option1"), row.text("option2")];
  const gold = row.index("answer", ["1", "2"].indexOf(row.text("answer")), 2);
  const contexts = choices.map((choice) => sentence.slice(0, blank) + choice);
  const answer = strip(sentence.slice(blank + 1));
  const continuation = ` ${answer}`;
  const requests = contexts.map((context) => ({ context, continuation }));
  return { question: contexts[gold], answer, requests, choices, gold };
}

function copa(row: Fields): Example {
  const asked = row.text("question");
  const connector = new Map([["cause", "because"], ["effect", "therefore"]]).get(asked);
  if (connector === undefined) throw row.fault("question", asked, "cause or effect");
  const premise = [...strip(row.text("premise"))].slice(0, -1).join(""); // without its full stop
  const choices = [row.text("choice1"), row.text("choice2")].map((choice) => ` ${uncapitalized(choice)}`);
  return labelled(row, `${premise} ${connector}`, choices);
}

const uncapitalized = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

function commonsenseQa(row: Fields): Example {
  const texts = row.texts("choices.text");
  if (texts.length !== 5) throw row.fault("choices.text", texts, "five texts");
  const gold = row.index("answerKey", ["A", "B", "C", "D", "E"].indexOf(row.text("answerKey")), 5);
  return lettered(`Question: ${strip(row.text("question"))}`, texts, gold);
}

/** LAMBADA predicts the last word of a passage from all of it: a row's text is split at its last space. No shots: lm-eval would take them from the documents themselves. */
function lambada(row: Fields): Example {
  const text = row.text("text");
  const space = text.lastIndexOf(" ");
  return choose(text.slice(0, Math.max(0, space)), [text.slice(space + 1)], 0);
}

export const choiceTasks: readonly Task[] = Object.entries(list as unknown as Record<string, Listed>).map(
  ([name, { dataset, split = "validation", saved, requests, train, drawn = "draw-others", ...own }]) => {
    const [read, row] = readings[name as keyof typeof list];
    const file = requests === undefined ? savedFile(saved!) : requestsFile(requests, row!);
    const pool = train ? trainPool(dataset, drawn, ...train) : null;
    return { ...PLAIN, documents: { dataset, split, file }, pool, metrics: ["acc"], name, read, ...own };
  },
);
