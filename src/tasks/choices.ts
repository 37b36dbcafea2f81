/** Tasks whose continuations are scored: the likeliest of several is the answer, or one alone is. */
import type { Row } from "../text/mod.ts";
import { BOTH, choiceTask, choose, lettered } from "./choice.ts";
import type { Fields } from "./fields.ts";
import { capitalize, lstrip, strip } from "./python.ts";
import { requestsFile, savedFile } from "./sources.ts";
import { type Example, PLAIN, type Task } from "./task.ts";

const boolq = choiceTask({
  name: "boolq",
  version: "2.0",
  dataset: "aps/super_glue, boolq",
  file: requestsFile("boolq/rc_0shot", boolqRow),
  train: ["aps/super_glue@refs/convert/parquet", "boolq/train/0000.parquet"],
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
  file: savedFile("glue/rte/validation"),
  train: ["nyu-mll/glue@bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c", "rte/train-00000-of-00001.parquet"],
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
  file: savedFile("piqa/plain_text/validation"),
  train: ["baber/piqa@refs/convert/parquet", "default/train/0000.parquet"],
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
  file: savedFile("hellaswag/none/validation"),
  train: ["Rowan/hellaswag@218ec52e09a7e7462a5400043bb9a69a41d06b76", "data/train-00000-of-00001.parquet"],
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
  file: savedFile("winogrande/winogrande_xl/validation"),
  train: [
    "allenai/winogrande@01e74176c63542e6b0bcb004dcdea22d94fb67b5",
    "winogrande_xl/train-00000-of-00001.parquet",
  ],
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

const copa = choiceTask({
  name: "copa",
  dataset: "aps/super_glue, copa",
  file: savedFile("super_glue/copa/validation"),
  train: ["aps/super_glue@refs/convert/parquet", "copa/train/0000.parquet"],
  read(row) {
    const asked = row.text("question");
    const connector = new Map([["cause", "because"], ["effect", "therefore"]]).get(asked);
    if (connector === undefined) throw row.fault("question", asked, "cause or effect");
    const premise = [...strip(row.text("premise"))].slice(0, -1).join(""); // without its full stop
    const choices = [row.text("choice1"), row.text("choice2")].map((choice) => ` ${uncapitalized(choice)}`);
    return choose(`${premise} ${connector}`, choices, row.label("label", 2));
  },
});

const uncapitalized = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

const commonsenseQa = choiceTask({
  name: "commonsense_qa",
  version: "Yaml", // lm-eval's word for none
  dataset: "tau/commonsense_qa",
  file: savedFile("tau/commonsense_qa/none/validation"),
  train: ["tau/commonsense_qa@94630fe30dad47192a8546eb75f094926d47e155", "data/train-00000-of-00001.parquet"],
  read(row) {
    const texts = row.texts("choices.text");
    if (texts.length !== 5) throw row.fault("choices.text", texts, "five texts");
    const gold = row.index("answerKey", ["A", "B", "C", "D", "E"].indexOf(row.text("answerKey")), 5);
    return lettered(`Question: ${strip(row.text("question"))}`, texts, gold);
  },
});

/** LAMBADA predicts the last word of a passage from all of it: a row's text is split at its last space. No shots: lm-eval would take them from the documents themselves. */
const lambada: Task = {
  ...PLAIN,
  name: "lambada_openai",
  documents: {
    dataset: "EleutherAI/lambada_openai",
    split: "test",
    file: requestsFile("lambada/bpb_0shot", (request) => ({
      text: request.text("request.context") + request.text("request.continuation"),
    })),
  },
  pool: null,
  metrics: ["perplexity", "acc"],
  read(row) {
    const text = row.text("text");
    const space = text.lastIndexOf(" ");
    return choose(text.slice(0, Math.max(0, space)), [text.slice(space + 1)], 0);
  },
};

export const choiceTasks: readonly Task[] = [
  boolq,
  rte,
  openbookqa,
  piqa,
  winogrande,
  hellaswag,
  copa,
  commonsenseQa,
  arc("arc_challenge", "ARC-Challenge"),
  arc("arc_easy", "ARC-Easy"),
  lambada,
];
