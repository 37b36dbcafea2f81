/** Rows that cannot be used: errors that name the file, the row and the field. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Fields } from "../../src/tasks/fields.ts";
import { buildRequests, readSplit, tasksNamed } from "../../src/tasks/mod.ts";
import { withFolder } from "../support.ts";

const build = (name: string, values: Record<string, unknown>) => {
  const [task] = tasksNamed(name);
  return () => buildRequests(task, [new Fields(values, "f.arrow", 3)], [], { shots: 0 });
};
const arc = { question: "q", choices: { text: ["a", "b"], label: ["A", "B"] }, answerKey: "A" };
const swag = { activity_label: "x", ctx_a: "a", ctx_b: "b", endings: ["c", "[d]"], label: "0" };
const blank = { sentence: "a _ b", option1: "x", option2: "y", answer: "1" };
const copa = { premise: "It is.", choice1: "A", choice2: "B", question: "cause", label: 0 };
const sense = { question: "q", choices: { text: ["a", "b", "c", "d", "e"] }, answerKey: "E" };
const mmlu = { question: "q", choices: ["a", "b", "c", "d"], answer: 3 };

const rte = { sentence1: "a", sentence2: "b", label: 0 };
const two = "expected the label of one of 2 choices";
const none = (field: string) => [field, '"", expected a non-empty text'] as const;

/** Tasks with their rows, what is wrong with each: a field, and what it is. */
const faults: Record<string, [row: Record<string, unknown>, field: string, found: string][]> = {
  rte: [
    [{ sentence1: "a", label: 0 }, "sentence2", "missing, expected a text"],
    [{ ...rte, sentence2: 7 }, "sentence2", "7, expected a text"],
    [{ ...rte, label: -1 }, "label", `-1, ${two}`],
    [{ ...rte, label: "0" }, "label", '"0", expected a whole number'],
  ],
  piqa: [[{ goal: "g", sol1: "a", sol2: "", label: 0 }, ...none("choices[1]")]],
  arc_easy: [
    [{ ...arc, answerKey: "C" }, "answerKey", `"C", ${two}`],
    [{ ...arc, answerKey: " A" }, "answerKey", `" A", ${two}`],
    [{ ...arc, choices: "ab" }, "choices.text", "missing, expected a list of texts"],
    [
      { ...arc, choices: { text: [], label: [] } },
      "answerKey",
      '"A", expected the label of one of 0 choices',
    ],
    [{ ...arc, choices: { text: ["a"], label: ["B", "A"] } }, "answerKey", `"A", ${two.replace("2", "1")}`],
  ],
  hellaswag: [
    [{ ...swag, endings: ["c", 1] }, "endings", '["c",1], expected a list of texts'],
    [{ ...swag, label: "" }, "label", `"", ${two}`],
    [{ ...swag, label: "2" }, "label", `"2", ${two}`],
    [swag, ...none("choices[1]")],
  ],
  winogrande: [
    [{ ...blank, sentence: "a b" }, "sentence", '"a b", expected a text with a "_"'],
    [{ ...blank, answer: "" }, "answer", `"", ${two}`],
    [{ ...blank, option1: "" }, ...none("choices[0]")],
  ],
  copa: [
    [{ ...copa, question: "reason" }, "question", '"reason", expected cause or effect'],
    [{ ...copa, question: "toString" }, "question", '"toString", expected cause or effect'],
    [{ ...copa, label: 2 }, "label", `2, ${two}`],
  ],
  commonsense_qa: [
    [{ ...sense, choices: { text: ["a"] } }, "choices.text", '["a"], expected five texts'],
    [{ ...sense, answerKey: "" }, "answerKey", '"", expected the label of one of 5 choices'],
  ],
  mmlu_anatomy: [
    [{ ...mmlu, choices: ["a"] }, "choices", '["a"], expected four texts'],
    [{ ...mmlu, answer: 4 }, "answer", "4, expected the label of one of 4 choices"],
  ],
  gsm8k: [[{ question: "q" }, "answer", "missing, expected a text"]],
  lambada_openai: [[{ text: "ends in a space " }, ...none("choices[0]")]],
};

for (const [task, rows] of Object.entries(faults)) {
  for (const [row, field, found] of rows) {
    Deno.test(`${task}: the field ${field} is ${found}`, () => {
      const message = `Cannot use f.arrow, row 3: the field ${field} is ${found}`;
      assert.throws(build(task, row), { name: "TypeError", message });
    });
  }
}

Deno.test("names of an object's own ancestors are no fields", () => {
  assert.throws(() => new Fields({}, "f", 1).text("constructor"), /the field constructor is missing/);
});

/** Reads lines as the requests file of a task. */
async function readLines(name: string, lines: unknown[], count?: number): Promise<Fields[]> {
  let rows: Fields[] = [];
  await withFolder(async (folder) => {
    const path = join(folder, "requests.jsonl.gz");
    await Deno.writeFile(path, gzipSync(lines.map((line) => JSON.stringify(line)).join("\n")));
    rows = await readSplit(tasksNamed(name)[0].documents, path, count);
  });
  return rows;
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
  const [first, ...none] = await readLines("arc_easy", [{ idx: 0, doc_id: 0, doc }, "not read"], 1);
  assert.deepEqual([first.values, none], [rows[0].values, []]);
});

Deno.test("a requests file that is not as it should be is an error with the line", async () => {
  const wrong = (line: object, message: RegExp) =>
    assert.rejects(
      readLines("arc_easy", [{ idx: 0, doc_id: 0, doc }, { idx: 0, doc_id: 1, ...line }]),
      message,
    );
  await wrong({}, /requests.jsonl.gz, row 2: the field doc.query is missing/);
  await wrong({ doc: { ...doc, gold: 2 } }, /doc.gold is 2, expected the label/);
  await wrong({ doc: { ...doc, query: "q" } }, /doc.query is "q", expected/);
  await wrong({ idx: "0", doc }, /row 2: the field idx is "0", expected a whole number/);
});

Deno.test("a corrupted file is an error with its name", () =>
  withFolder(async (folder) => {
    const refused = (task: string, file: string, message: RegExp) =>
      assert.rejects(readSplit(tasksNamed(task)[0].documents, join(folder, file)), message);
    await Deno.writeTextFile(join(folder, "data.arrow"), "no Arrow at all, but long enough to look at");
    await refused("rte", "data.arrow", /Cannot read .*data\.arrow: .*expected Arrow/);
    const half = gzipSync("{}\n".repeat(1000)).subarray(0, 20);
    await Deno.writeFile(join(folder, "requests.jsonl.gz"), half);
    await refused("boolq", "requests.jsonl.gz", /requests\.jsonl\.gz/);
    await refused("boolq", "no.jsonl", /no such file/);
  }));
