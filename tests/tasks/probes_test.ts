/** Tasks that are made here: the same documents every time, each with the one answer that its text determines. */
import assert from "node:assert/strict";
import {
  buildRequests,
  describeSource,
  estimate,
  readSplit,
  scoreDocument,
  taskNames,
  tasksNamed,
} from "../../src/tasks/mod.ts";
import { DOCUMENTS } from "../../src/tasks/probes/made.ts";
import { probeTasks } from "../../src/tasks/probes/list.ts";
import { NOUNS } from "../../src/tasks/probes/words.ts";

async function documentsOf(name: string) {
  const [task] = tasksNamed(name);
  return { task, documents: buildRequests(task, await readSplit(task.documents, null), []) };
}

for (const { name, documents: { file } } of probeTasks) {
  Deno.test(`${name}: documents are made here, differ, and are the same every time`, async () => {
    assert.equal(file.from, "made");
    assert.ok(taskNames.includes(name));
    const [once, twice] = [await documentsOf(name), await documentsOf(name)];
    assert.deepEqual(once.documents, twice.documents);
    assert.equal(once.documents.length, DOCUMENTS);
    assert.equal(new Set(once.documents.map(({ context }) => context)).size, DOCUMENTS);
    assert.match(describeSource(once.task.documents), /^the split test of documents of .*: made by Lamina$/);
  });
}

Deno.test("nouns are short and differ", () => {
  assert.equal(new Set(NOUNS).size, NOUNS.length);
  assert.ok(NOUNS.every((noun) => /^[a-z]{3,8}$/.test(noun)));
});

for (const [name, words] of [["induction_32", 32], ["induction_64", 64], ["induction", 128]] as const) {
  Deno.test(`${name}: the word that followed the last one the first time follows it again`, async () => {
    const { documents } = await documentsOf(name);
    for (const { context, requests } of documents) {
      const said = context.split(" ");
      const list = said.slice(0, words);
      assert.equal(new Set(list).size, words);
      const again = said.slice(words);
      assert.deepEqual(again, list.slice(0, again.length));
      assert.ok(again.length >= words / 4 && again.length < words * 3 / 4);
      assert.deepEqual(requests, [{ context, continuation: ` ${list[again.length]}` }]);
    }
  });
}

Deno.test("a passkey stands at ten depths in turn, and nowhere else", async () => {
  const { documents } = await documentsOf("passkey_512");
  const keys = new Set<string>();
  for (const [i, { context, requests: [{ continuation }] }] of documents.entries()) {
    const [, key] = /^ ([1-9]\d{4})$/.exec(continuation)!;
    keys.add(key);
    assert.deepEqual(context.match(/\d+/g), [key, key]);
    const text = context.slice(0, context.indexOf("\n\nQuestion"));
    const depth = text.indexOf(key) / text.length;
    assert.ok(Math.abs(depth - (i % 10 + 0.5) / 10) < 0.06, `${i}: ${depth}`);
    assert.ok(context.endsWith("Answer: The secret number is"));
  }
  assert.ok(keys.size > DOCUMENTS - 10);
});

Deno.test("an answer counts if greedy decoding has all of it", async () => {
  const { task, documents: [document] } = await documentsOf("induction");
  const scored = (greedy: boolean) =>
    scoreDocument(task, document, { logLikelihoods: [-2], greedy: [greedy], text: "" });
  assert.deepEqual([scored(true), scored(false)], [{ acc: 1, perplexity: -2 }, { acc: 0, perplexity: -2 }]);
  assert.equal(estimate("acc", [scored(true), scored(false)]).value, 0.5);
});

Deno.test("made tasks have no shots, and a lost file is an error", async () => {
  const [task] = tasksNamed("passkey_1024");
  const rows = await readSplit(task.documents, null);
  assert.throws(() => buildRequests(task, rows, [], { shots: 1 }), {
    message: "Cannot give passkey_1024 1 shots: it has no rows for shots, expected 0 shots",
  });
  await assert.rejects(readSplit(tasksNamed("piqa")[0].documents, null), {
    name: "TypeError",
    message: "Cannot read baber/piqa: found no file, expected one on this machine",
  });
});
