/** Requests of every task, against those of lm-eval on the same rows; rows and shots that cannot be used. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parseHubId } from "core/hub/remote/huggingface.ts";
import { buildRequests, readSplit, suites, taskGroups, taskNames, tasksNamed } from "core/tasks/mod.ts";
import { Fields } from "core/tasks/fields.ts";
import { probeTasks } from "core/tasks/probes/list.ts";
import { refuses, withFolder } from "../../support.ts";
import { documentsOf, fixture, sha256 } from "./fixture.ts";

for (const run of fixture.requests) {
  const pool = run.pool > 1 ? ` of ${run.copies} × ${run.pool} rows` : "";
  Deno.test(`${run.task}, ${run.shots} shots${pool}: every request is lm-eval's`, async () => {
    const documents = await documentsOf(run);
    assert.equal(documents.length, run.documents);
    for (const [index, hash] of Object.entries(run.prompts)) {
      assert.equal(documents[Number(index)].promptHash, hash, `document ${index}`);
    }
    const all = documents.flatMap(({ context, requests }) =>
      requests.length > 0 ? requests : [{ context, continuation: "" }]
    );
    assert.equal(sha256(all.map((one) => `${one.context}\0${one.continuation}\0`).join("")), run.all);
  });
}

Deno.test("every task that lm-eval has is compared with it (make_tasks.py)", () => {
  const made = probeTasks.map(({ name }) => name);
  const compared = new Set([...fixture.requests.map(({ task }) => task), ...made]);
  // The first GSM8K differs from the present one in where generation stops and what counts, not in what is asked.
  assert.deepEqual(taskNames.filter((name) => !compared.has(name)), ["gsm8k@1.0"]);
});

Deno.test("shots that the package lacks are files of data sets on the hub", () => {
  const pools = taskNames.flatMap((name) => tasksNamed(name).map(({ pool }) => pool));
  const files = new Set(pools.map((pool) => pool?.file).filter((file) => file?.from === "hub"));
  for (const { repo, path } of files) {
    assert.ok(parseHubId(repo)?.revision !== "main", `${repo} has no revision`);
    assert.match(path, /^[\w/-]+\.parquet$/);
  }
  assert.ok(files.size > 0);
});

const row = (answer: string) => new Fields({ question: `${answer}?`, answer }, "rows.jsonl", 1);

Deno.test("shots that the rows cannot give are an error that names what there is", async () => {
  const give = ([name, pool, shots]: readonly [string, number, number]) =>
    buildRequests(tasksNamed(name)[0], [row("x")], Array.from({ length: pool }, (_, i) => row(`${i}`)), {
      shots,
    });
  const split = "the split train of openai/gsm8k, main: main/train-00000-of-00001.parquet of " +
    "openai/gsm8k@740312add88f781978c0658806c59bc2815b9866 on the hub";
  await refuses("Cannot give ", give, [
    [["gsm8k", 4, 5], `gsm8k 5 shots: found 4 rows for shots, expected at least 5 (${split})`],
    [["winogrande", 5, 5], /winogrande 5 shots: found 5 rows .* at least 6 \(/],
    [["gsm8k_cot", 8, 9], /gsm8k_cot 9 shots: found 8 .*the benchmark package/],
    [["lambada_openai", 9, 1], "lambada_openai 1 shots: it has no rows for shots, expected 0 shots"],
  ]);
  give(["gsm8k", 5, 5]);
});

Deno.test("a pool of nothing but the document gives no shots", () => {
  const [rte] = tasksNamed("rte");
  const one = new Fields({ sentence1: "a", sentence2: "b", label: 0, idx: 0 }, "rows.arrow", 1);
  const two = new Fields({ sentence1: "a", sentence2: "b", label: 0, idx: 1 }, "rows.arrow", 2);
  assert.throws(
    () => buildRequests(rte, [one], [one, one, two], { shots: 2 }),
    /found 1 rows for shots, expected at least 2/,
  );
  const [{ context }] = buildRequests(rte, [one], [one, one, two], { shots: 1 });
  const asked = "a\nQuestion: b True or False?\nAnswer:";
  assert.equal(context, `${asked} True\n\n${asked}`);
});

Deno.test("the limit leaves the first documents as they are, the seed changes their shots", () => {
  const [task] = tasksNamed("arc_easy");
  const rest = { choices: { text: ["a", "b"], label: ["1", "2"] }, answerKey: "2" };
  const rows = Array.from(
    { length: 30 },
    (_, i) => new Fields({ question: `q${i}`, ...rest }, "rows", i + 1),
  );
  const all = buildRequests(task, rows, rows, { shots: 3 });
  assert.deepEqual(buildRequests(task, rows, rows, { shots: 3, limit: 7 }), all.slice(0, 7));
  const others = buildRequests(task, rows, rows, { shots: 3, seed: 1 });
  assert.notDeepEqual(others.map(({ context }) => context), all.map(({ context }) => context));
});

Deno.test("groups hold the subjects, suites the paper's shots", () => {
  assert.equal(tasksNamed("mmlu").length, 57);
  const parts = Object.entries(taskGroups).filter(([name]) => name !== "mmlu");
  assert.deepEqual(parts.map(([name, of]) => [name, of.length]), [
    ["mmlu_stem", 19],
    ["mmlu_social_sciences", 12],
    ["mmlu_humanities", 13],
    ["mmlu_other", 13],
  ]);
  assert.deepEqual(parts.flatMap(([, of]) => of).sort(), taskGroups.mmlu);
  for (const { task, metric } of suites.paper) {
    for (const { metrics } of tasksNamed(task)) assert.ok(metrics.includes(metric), task);
  }
  const llama = suites["paper-llama-3"].map(({ task }) => task);
  assert.deepEqual(llama, ["openbookqa", "mmlu", "winogrande", "hellaswag"]);
});

Deno.test("an unknown task is an error with near names", () => {
  assert.throws(() => tasksNamed("helaswag"), {
    name: "RangeError",
    message:
      /^Cannot find the task "helaswag": expected one of boolq, .*mmlu_SUBJECT \(did you mean hellaswag\?\)$/,
  });
  assert.throws(() => tasksNamed("constructor"), /Cannot find the task "constructor"/);
});

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
  const read = (line: object) =>
    readLines("arc_easy", [{ idx: 0, doc_id: 0, doc }, { idx: 0, doc_id: 1, ...line }]);
  await refuses("TypeError: Cannot ", read, [
    [{}, "requests.jsonl.gz, row 2: the field doc.query is missing"],
    [{ doc: { ...doc, gold: 2 } }, "doc.gold is 2, expected the label"],
    [{ doc: { ...doc, query: "q" } }, 'doc.query is "q", expected'],
    [{ idx: "0", doc }, 'row 2: the field idx is "0", expected a whole number'],
  ]);
});

Deno.test("a corrupted file is an error with its name", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "data.arrow"), "no Arrow at all, but long enough to look at");
    const half = gzipSync("{}\n".repeat(1000)).subarray(0, 20);
    await Deno.writeFile(join(folder, "requests.jsonl.gz"), half);
    const read = ([task, file]: readonly [string, string]) =>
      readSplit(tasksNamed(task)[0].documents, join(folder, file));
    await refuses("Error: Cannot ", read, [
      [["rte", "data.arrow"], /data\.arrow: .*expected Arrow/],
      [["boolq", "requests.jsonl.gz"], "requests.jsonl.gz", "TypeError"],
      [["boolq", "no.jsonl"], "no such file"],
    ]);
  }));
