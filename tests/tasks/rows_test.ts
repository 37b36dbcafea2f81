/** Rows that cannot be used: errors that name the file, the row and the field. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Fields } from "../../src/tasks/fields.ts";
import { buildRequests, readSplit, tasksNamed } from "../../src/tasks/mod.ts";

const build = (name: string, values: Record<string, unknown>) => {
  const [task] = tasksNamed(name);
  return () => buildRequests(task, [new Fields(values, "f.arrow", 3)], [], { shots: 0 });
};
const at = (field: string) => `Cannot use f.arrow, row 3: the field ${field} is `;
const arc = { question: "q", choices: { text: ["a", "b"], label: ["A", "B"] }, answerKey: "A" };
const swag = { activity_label: "x", ctx_a: "a", ctx_b: "b", endings: ["c", "[d]"], label: "0" };
const blank = { sentence: "a _ b", option1: "x", option2: "y", answer: "1" };
const copa = { premise: "It is.", choice1: "A", choice2: "B", question: "cause", label: 0 };
const sense = { question: "q", choices: { text: ["a", "b", "c", "d", "e"] }, answerKey: "E" };
const mmlu = { question: "q", choices: ["a", "b", "c", "d"], answer: 3 };

/** A task, a row, what is wrong with it. */
const faults: [task: string, values: Record<string, unknown>, message: string][] = [
  ["rte", { sentence1: "a", label: 0 }, at("sentence2") + "missing, expected a text"],
  ["rte", { sentence1: "a", sentence2: 7, label: 0 }, at("sentence2") + "7, expected a text"],
  [
    "rte",
    { sentence1: "a", sentence2: "b", label: -1 },
    at("label") + "-1, expected the label of one of 2 choices",
  ],
  ["rte", { sentence1: "a", sentence2: "b", label: "0" }, at("label") + '"0", expected a whole number'],
  [
    "piqa",
    { goal: "g", sol1: "a", sol2: "", label: 0 },
    at("choices[1]") + '"", expected a non-empty text',
  ],
  ["arc_easy", { ...arc, answerKey: "C" }, at("answerKey") + '"C", expected the label of one of 2 choices'],
  ["arc_easy", { ...arc, answerKey: " A" }, at("answerKey") + '" A", expected the label of one of 2 choices'],
  ["arc_easy", { ...arc, choices: "ab" }, at("choices.text") + "missing, expected a list of texts"],
  [
    "arc_easy",
    { ...arc, choices: { text: [], label: [] } },
    at("answerKey") + '"A", expected the label of one of 0 choices',
  ],
  [
    "arc_easy",
    { ...arc, choices: { text: ["a"], label: ["B", "A"] } },
    at("answerKey") + '"A", expected the label of one of 1 choices',
  ],
  ["hellaswag", { ...swag, endings: ["c", 1] }, at("endings") + '["c",1], expected a list of texts'],
  ["hellaswag", { ...swag, label: "" }, at("label") + '"", expected the label of one of 2 choices'],
  ["hellaswag", { ...swag, label: "2" }, at("label") + '"2", expected the label of one of 2 choices'],
  ["hellaswag", swag, at("choices[1]") + '"", expected a non-empty text'],
  ["winogrande", { ...blank, sentence: "a b" }, at("sentence") + '"a b", expected a text with a "_"'],
  ["winogrande", { ...blank, answer: "" }, at("answer") + '"", expected the label of one of 2 choices'],
  ["winogrande", { ...blank, option1: "" }, at("choices[0]") + '"", expected a non-empty text'],
  ["copa", { ...copa, question: "reason" }, at("question") + '"reason", expected cause or effect'],
  ["copa", { ...copa, question: "toString" }, at("question") + '"toString", expected cause or effect'],
  ["copa", { ...copa, label: 2 }, at("label") + "2, expected the label of one of 2 choices"],
  [
    "commonsense_qa",
    { ...sense, choices: { text: ["a"] } },
    at("choices.text") + '["a"], expected five texts',
  ],
  [
    "commonsense_qa",
    { ...sense, answerKey: "" },
    at("answerKey") + '"", expected the label of one of 5 choices',
  ],
  ["mmlu_anatomy", { ...mmlu, choices: ["a"] }, at("choices") + '["a"], expected four texts'],
  ["mmlu_anatomy", { ...mmlu, answer: 4 }, at("answer") + "4, expected the label of one of 4 choices"],
  ["gsm8k", { question: "q" }, at("answer") + "missing, expected a text"],
  [
    "lambada_openai",
    { text: "ends in a space " },
    at("choices[0]") + '"", expected a non-empty text',
  ],
];

for (const [task, values, message] of faults) {
  Deno.test(`${task}: ${message.replace(/^.*the field/, "the field")}`, () => {
    assert.throws(build(task, values), { name: "TypeError", message });
  });
}

Deno.test("names of an object's own ancestors are no fields", () => {
  assert.throws(() => new Fields({}, "f", 1).text("constructor"), /the field constructor is missing/);
});

/** Reads lines as the requests file of a task. */
async function readLines(name: string, lines: unknown[]): Promise<Fields[]> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "requests.jsonl.gz");
    await Deno.writeFile(path, gzipSync(lines.map((line) => JSON.stringify(line)).join("\n")));
    return await readSplit(tasksNamed(name)[0].documents, path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const doc = { id: "x", query: "Question: q\nAnswer:", choices: ["a", "b"], gold: 1 };

Deno.test("a requests file gives each document once", async () => {
  const rows = await readLines("arc_easy", [
    { idx: 0, doc_id: 0, doc },
    { idx: 1, doc_id: 0, doc },
    { idx: 0, doc_id: 1000000, doc },
    { idx: 0, doc_id: 1, doc: { ...doc, gold: 0 } },
  ]);
  assert.deepEqual(rows.map(({ row, values }) => [row, values.answerKey]), [[1, "B"], [4, "A"]]);
});

Deno.test("a requests file that is not as it should be is an error with the line", async () => {
  const wrong = (line: unknown) => readLines("arc_easy", [{ idx: 0, doc_id: 0, doc }, line]);
  await assert.rejects(
    wrong({ idx: 0, doc_id: 1 }),
    /requests.jsonl.gz, row 2: the field doc.query is missing/,
  );
  await assert.rejects(
    wrong({ idx: 0, doc_id: 1, doc: { ...doc, gold: 2 } }),
    /doc.gold is 2, expected the label/,
  );
  await assert.rejects(
    wrong({ idx: 0, doc_id: 1, doc: { ...doc, query: "q" } }),
    /doc.query is "q", expected/,
  );
  await assert.rejects(
    wrong({ idx: "0", doc_id: 1, doc }),
    /row 2: the field idx is "0", expected a whole number/,
  );
});

Deno.test("a corrupted file is an error with its name", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const arrow = join(folder, "data.arrow");
    await Deno.writeTextFile(arrow, "no Arrow at all, but long enough to look at");
    await assert.rejects(
      readSplit(tasksNamed("rte")[0].documents, arrow),
      /Cannot read .*data\.arrow: .*expected Arrow/,
    );
    const lines = join(folder, "requests.jsonl.gz");
    await Deno.writeFile(lines, gzipSync("{}\n".repeat(1000)).subarray(0, 20));
    await assert.rejects(readSplit(tasksNamed("boolq")[0].documents, lines), /requests\.jsonl\.gz/);
    await assert.rejects(
      readSplit(tasksNamed("boolq")[0].documents, join(folder, "no.jsonl")),
      /no such file/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
