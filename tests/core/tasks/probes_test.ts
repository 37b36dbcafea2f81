/** Tasks that are made here: the same documents every time, each with the one answer that its text determines. */
import assert from "node:assert/strict";
import { buildRequests, describeSource, readSplit, scoreDocument, tasksNamed } from "core/tasks/mod.ts";
import { DOCUMENTS } from "core/tasks/probes/made.ts";
import { probeTasks } from "core/tasks/probes/list.ts";
import { refuses } from "../../support.ts";
import { NOUNS } from "core/tasks/probes/words.ts";

async function documentsOf(name: string, count?: number) {
  const [task] = tasksNamed(name);
  return { task, documents: buildRequests(task, await readSplit(task.documents, null, count), []) };
}

for (const { name, documents: { file } } of probeTasks) {
  Deno.test(`${name}: documents are made here, differ, and are the same every time, however many are made`, async () => {
    assert.equal(file.from, "made");
    const [once, few] = [await documentsOf(name), await documentsOf(name, 7)];
    assert.deepEqual(once.documents.slice(0, 7), few.documents);
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

Deno.test("a passkey's text may have any length, and names of others are refused", async () => {
  for (const tokens of [256, 6000]) {
    const { task, documents } = await documentsOf(`passkey_${tokens}`);
    assert.equal(task.name, `passkey_${tokens}`);
    // Words and full stops, nine to a sentence: as many tokens, and no more than the name says with the question's.
    const words = documents[0].context.split(/[ .?:]+/).length;
    assert.ok(words < tokens && words > tokens * 0.7, `${words}`);
  }
  assert.equal(tasksNamed("passkey_512")[0], tasksNamed("passkey_512")[0]);
  const range = "expected passkey_256 to passkey_1048576";
  await refuses("Cannot ", tasksNamed, [
    ...["0", "255", "0512", "1048577", "9".repeat(400)].map((tokens) =>
      [
        `passkey_${tokens}`,
        `make the task passkey_${tokens}: found a text of ${tokens} tokens, ${range}`,
      ] as const
    ),
    ...["", "_", "_-1", "_1e3", "_512.5"].map((tokens) => [`passkey${tokens}`, "find the task"] as const),
  ]);
});

for (const [name, digits] of Object.entries({ arithmetic: [1, 2], arithmetic_1: [1], arithmetic_2: [2] })) {
  Deno.test(`${name}: six solved examples, then a question with one right line`, async () => {
    const { documents } = await documentsOf(name);
    const kinds = new Map<string, number>();
    for (const [i, { context, requests: [{ continuation }] }] of documents.entries()) {
      const lines = (context + continuation).trimEnd().split("\n");
      assert.equal(lines.length, 7);
      const wanted = digits[i % digits.length];
      for (const line of lines) {
        const [, a, sign, b, answer] = /^(\d+) ([-+*]) (\d+) = (\d+)$/.exec(line)!;
        assert.deepEqual([a.length, b.length], [wanted, wanted], line);
        const [x, y] = [Number(a), Number(b)];
        assert.equal({ "+": x + y, "-": x - y, "*": x * y }[sign], Number(answer), line);
      }
      assert.ok(context.endsWith(" =") && continuation.endsWith("\n"));
      const [question] = lines.slice(-1);
      const kind = `${question.split(" ")[1]}${wanted}`;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    const each = DOCUMENTS / (3 * digits.length);
    assert.equal(kinds.size, 3 * digits.length);
    for (const count of kinds.values()) assert.ok(Math.abs(count - each) <= 2);
  });
}

Deno.test("brackets: only one bracket closes the last one open, and it follows a closed group", async () => {
  const { documents } = await documentsOf("brackets");
  const right = new Map<number, number>();
  for (const { context, requests, gold } of documents) {
    const open: string[] = [];
    const written = context.split(" ");
    for (const bracket of written) {
      const place = ")]}".indexOf(bracket);
      if (place < 0) open.push(bracket);
      else assert.equal(open.pop(), "([{"[place]);
      assert.ok(open.length <= 6);
    }
    assert.ok(written.length >= 24 && written.length < 60);
    assert.ok(")]}".includes(written.at(-1)!));
    assert.equal("([{".indexOf(open.at(-1)!), gold);
    assert.deepEqual(requests.map(({ continuation }) => continuation), [" )", " ]", " }"]);
    right.set(gold as number, (right.get(gold as number) ?? 0) + 1);
  }
  // Three kinds at random: 67 of 200 each, with a deviation of 6.7.
  for (const kind of [0, 1, 2]) assert.ok(Math.abs(right.get(kind)! - DOCUMENTS / 3) < 27, `${[...right]}`);
});

Deno.test("an answer counts if greedy decoding has all of it", async () => {
  const { task, documents: [document] } = await documentsOf("induction");
  const scored = (greedy: boolean) =>
    scoreDocument(task, document, { logLikelihoods: [-2], greedy: [greedy], text: "" });
  assert.deepEqual([scored(true), scored(false)], [{ acc: 1, perplexity: -2 }, { acc: 0, perplexity: -2 }]);
});

Deno.test("made tasks have no shots, and a lost file is an error", async () => {
  const [task] = tasksNamed("passkey_1024");
  const rows = await readSplit(task.documents, null);
  assert.throws(
    () => buildRequests(task, rows, [], { shots: 1 }),
    /Cannot give passkey_1024 1 shots: it has no rows for shots, expected 0 shots/,
  );
  const [{ documents }] = tasksNamed("piqa");
  await assert.rejects(
    readSplit(documents, null),
    /^TypeError: Cannot read baber\/piqa: found no file, expected/,
  );
});
