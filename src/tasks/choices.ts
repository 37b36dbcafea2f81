/** Tasks that let a model choose: the likeliest of several continuations is its answer. */
import type { Row } from "../text/mod.ts";
import type { Fields } from "./fields.ts";
import { capitalize, lstrip, strip } from "./python.ts";
import { requestsFile, savedFile, trainPool } from "./sources.ts";
import type { DataFile, Example, Metric, Pool, Split, Task } from "./task.ts";

const BOTH: readonly Metric[] = ["acc", "acc_norm"];
const ACC: readonly Metric[] = ["acc"];

/** What one task of this kind says: its shots come from the training split of its data set. */
interface Choice extends Pick<Task, "name" | "metrics" | "read"> {
  /** Default: "1.0". */
  readonly version?: string;
  readonly dataset: string;
  readonly split: Split["split"];
  readonly file: DataFile;
  /** The training split on the hub: the data set with its revision, and the file. */
  readonly train: readonly [repo: string, path: string];
  readonly drawn: Pool["choice"];
}

function choiceTask(
  { name, version = "1.0", dataset, split, file, train, drawn, metrics, read }: Choice,
): Task {
  return {
    name,
    version,
    documents: { dataset, split, file },
    pool: trainPool(dataset, drawn, ...train),
    shots: 0,
    description: "",
    metrics,
    read,
  };
}

/** A question and texts that may follow it. */
export function choose(question: string, choices: readonly string[], gold: number): Example {
  return {
    question,
    answer: choices[gold],
    requests: choices.map((choice) => ({ context: question, continuation: ` ${choice}` })),
    choices,
    gold,
  };
}

const boolq = choiceTask({
  name: "boolq",
  version: "2.0",
  dataset: "aps/super_glue, boolq",
  split: "validation",
  file: requestsFile("boolq/rc_0shot", boolqRow),
  train: ["aps/super_glue@refs/convert/parquet", "boolq/train/0000.parquet"],
  drawn: "draw-others",
  metrics: ACC,
  read: (row) =>
    choose(
      `${row.text("passage")}\nQuestion: ${row.text("question")}?\nAnswer:`,
      ["no", "yes"],
      row.label("label", 2),
    ),
});

/** The package's choices are yes and no, the data set's no and yes. */
function boolqRow(request: Fields): Row {
  const query = request.text("doc.query");
  const [, passage, question] = /^([^]*)\nQuestion: ([^]*)\?\nAnswer:$/.exec(query) ?? [];
  if (question === undefined) throw request.fault("doc.query", query, "passage, question and Answer:");
  return { passage, question, idx: request.number("doc.idx"), label: 1 - request.label("doc.gold", 2) };
}

const rte = choiceTask({
  name: "rte",
  dataset: "nyu-mll/glue, rte",
  split: "validation",
  file: savedFile("glue/rte/validation"),
  train: ["nyu-mll/glue@bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c", "rte/train-00000-of-00001.parquet"],
  drawn: "draw-others",
  metrics: ACC,
  read: (row) =>
    choose(
      `${row.text("sentence1")}\nQuestion: ${row.text("sentence2")} True or False?\nAnswer:`,
      ["True", "False"],
      row.label("label", 2),
    ),
});

const openbookqa = choiceTask({
  name: "openbookqa",
  dataset: "allenai/openbookqa, main",
  split: "test",
  file: requestsFile("openbookqa/test_rc_5shot", (request) => scienceRow(request, "question_stem")),
  train: ["allenai/openbookqa@388097ea7776314e93a529163e0fea805b8a6454", "main/train-00000-of-00001.parquet"],
  drawn: "draw",
  metrics: BOTH,
  read: (row) => choose(row.text("question_stem"), row.texts("choices.text"), letter(row, lstrip)),
});

const piqa = choiceTask({
  name: "piqa",
  dataset: "baber/piqa",
  split: "validation",
  file: savedFile("piqa/plain_text/validation"),
  train: ["baber/piqa@refs/convert/parquet", "default/train/0000.parquet"],
  drawn: "draw-others",
  metrics: BOTH,
  read: (row) =>
    choose(
      `Question: ${row.text("goal")}\nAnswer:`,
      [row.text("sol1"), row.text("sol2")],
      row.label("label", 2),
    ),
});

const arc = (name: string, config: string) =>
  choiceTask({
    name,
    dataset: `allenai/ai2_arc, ${config}`,
    split: "test",
    file: requestsFile(`${name}/test_rc_5shot`, (request) => scienceRow(request, "question")),
    train: [
      "allenai/ai2_arc@210d026faf9955653af8916fad021475a3f00453",
      `${config}/train-00000-of-00001.parquet`,
    ],
    drawn: "draw",
    metrics: BOTH,
    read: (row) =>
      choose(`Question: ${row.text("question")}\nAnswer:`, row.texts("choices.text"), letter(row)),
  });

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

const hellaswag = choiceTask({
  name: "hellaswag",
  dataset: "Rowan/hellaswag",
  split: "validation",
  file: savedFile("hellaswag/none/validation"),
  train: ["Rowan/hellaswag@218ec52e09a7e7462a5400043bb9a69a41d06b76", "data/train-00000-of-00001.parquet"],
  drawn: "draw-others",
  metrics: BOTH,
  read(row) {
    const endings = row.texts("endings").map(cleanWikiHow);
    const context = `${row.text("ctx_a")} ${capitalize(row.text("ctx_b"))}`;
    const query = cleanWikiHow(`${row.text("activity_label")}: ${context}`);
    const label = row.text("label");
    return choose(
      query,
      endings,
      row.index("label", /^\d+$/.test(label) ? Number(label) : -1, endings.length),
    );
  },
});

/** Half of HellaSwag comes from WikiHow, whose headings and notes stand in brackets. */
function cleanWikiHow(text: string): string {
  return strip(text).replaceAll(" [title]", ". ").replace(/\[[^\n]*?\]/g, "").replaceAll("  ", " ");
}

const winogrande = choiceTask({
  name: "winogrande",
  dataset: "allenai/winogrande, winogrande_xl",
  split: "validation",
  file: savedFile("winogrande/winogrande_xl/validation"),
  train: [
    "allenai/winogrande@01e74176c63542e6b0bcb004dcdea22d94fb67b5",
    "winogrande_xl/train-00000-of-00001.parquet",
  ],
  drawn: "draw-others",
  metrics: ACC,
  read: fillBlank,
});

/** The choices stand in the context: what follows the blank is scored after each of them. */
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

export const choiceTasks: readonly Task[] = [
  boolq,
  rte,
  openbookqa,
  piqa,
  winogrande,
  hellaswag,
  arc("arc_challenge", "ARC-Challenge"),
  arc("arc_easy", "ARC-Easy"),
];
