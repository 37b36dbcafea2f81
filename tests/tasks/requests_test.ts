/** Requests of every task, against those of lm-eval on the same rows; shots that cannot be given. */
import assert from "node:assert/strict";
import { parseHubId } from "../../src/hub/remote/huggingface.ts";
import { buildRequests, suites, taskGroups, taskNames, tasksNamed } from "../../src/tasks/mod.ts";
import { Fields } from "../../src/tasks/fields.ts";
import { probeTasks } from "../../src/tasks/probes/list.ts";
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

Deno.test("every task that lm-eval has is compared with it", () => {
  const compared = new Set([
    ...fixture.requests.map(({ task }) => task),
    ...probeTasks.map(({ name }) => name),
  ]);
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
  assert.equal(files.size, 11);
});

const row = (answer: string) => new Fields({ question: `${answer}?`, answer }, "rows.jsonl", 1);

Deno.test("shots that the rows cannot give are an error that names what there is", () => {
  const give = (name: string, pool: number, shots: number) => {
    const [task] = tasksNamed(name);
    return () =>
      buildRequests(task, [row("x")], Array.from({ length: pool }, (_, i) => row(`${i}`)), { shots });
  };
  assert.throws(give("gsm8k", 4, 5), {
    name: "RangeError",
    message: "Cannot give gsm8k 5 shots: found 4 rows for shots, expected at least 5 " +
      "(the split train of openai/gsm8k, main: main/train-00000-of-00001.parquet of " +
      "openai/gsm8k@740312add88f781978c0658806c59bc2815b9866 on the hub)",
  });
  assert.throws(give("winogrande", 5, 5), /Cannot give winogrande 5 shots: found 5 rows .* at least 6 \(/);
  assert.throws(give("gsm8k_cot", 8, 9), /Cannot give gsm8k_cot 9 shots: found 8 .*the benchmark package/);
  assert.throws(give("lambada_openai", 9, 1), {
    name: "RangeError",
    message: "Cannot give lambada_openai 1 shots: it has no rows for shots, expected 0 shots",
  });
  assert.doesNotThrow(give("gsm8k", 5, 5));
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
  assert.equal(
    context,
    "a\nQuestion: b True or False?\nAnswer: True\n\na\nQuestion: b True or False?\nAnswer:",
  );
});

Deno.test("the limit leaves the first documents as they are, the seed changes their shots", () => {
  const [task] = tasksNamed("arc_easy");
  const rows = Array.from({ length: 30 }, (_, i) =>
    new Fields(
      { question: `q${i}`, choices: { text: ["a", "b"], label: ["1", "2"] }, answerKey: "2" },
      "rows",
      i + 1,
    ));
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
  assert.deepEqual(suites["paper-llama-3"].map(({ task }) => task), [
    "openbookqa",
    "mmlu",
    "winogrande",
    "hellaswag",
  ]);
});

Deno.test("an unknown task is an error with near names", () => {
  assert.throws(() => tasksNamed("helaswag"), {
    name: "RangeError",
    message:
      /^Cannot find the task "helaswag": expected one of boolq, .*mmlu_SUBJECT \(did you mean hellaswag\?\)$/,
  });
  assert.throws(() => tasksNamed("constructor"), /Cannot find the task "constructor"/);
});
