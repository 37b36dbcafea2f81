/** A test that fails, a file that cannot run and a process that dies all count as failures, in a group too. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { withFolder } from "../support.ts";
import type { Item } from "./item.ts";
import { runItem, runItems } from "./queue.ts";
import { onUnix } from "../tools.ts";

const item = (files: readonly string[], grouped = false, name = "item"): Item => (
  { name, files, grouped, seconds: 1, waits: false }
);

const FILES = {
  "good_test.ts": 'Deno.test("good", () => {});',
  "bad_test.ts": 'Deno.test("bad", () => { throw new Error("wrong"); });',
  "throws_test.ts": 'throw new Error("before any test");',
  "broken_test.ts": "Deno.test(",
  "last_test.ts":
    'Deno.test("good", () => {}); addEventListener("unload", () => { throw new Error("late"); });',
  "leaves_test.ts": 'Deno.test("leaves", () => Deno.env.set("LAMINA_LEFT", "1"));',
  "sees_test.ts": 'Deno.test("sees", () => { if (Deno.env.has("LAMINA_LEFT")) throw new Error("left"); });',
  "dies_test.ts":
    'Deno.test("dies", () => { Deno.kill(Deno.pid, "SIGKILL"); return new Promise(() => {}); });',
};

const ofAll = (files: readonly { passed: number; failed: number }[]) =>
  ["passed" as const, "failed" as const].map((key) => files.reduce((sum, file) => sum + file[key], 0));

/** Runs the files as one item; gives whether it succeeded, tests that passed and failed, and the item. */
async function outcomes(root: string, grouped: boolean, ...files: string[]) {
  await Deno.writeTextFile(join(root, "deno.json"), "{}");
  for (const [name, text] of Object.entries(FILES)) await Deno.writeTextFile(join(root, name), text);
  const ran = await runItem(item(files, grouped), root);
  return { ...ran, counts: [ran.succeeded, ...ofAll(ran.files)] };
}

const ONE =
  "a failed test, a file that throws or does not parse, and a process that dies or throws at its end are each one failure";
onUnix(ONE, () =>
  withFolder(async (root) => {
    const rows: [files: string[], counts: [boolean, number, number], output?: RegExp][] = [
      [["good"], [true, 1, 0]],
      [["good", "bad", "throws"], [false, 1, 2], /before any test[^]*exit code 1/],
      [["broken"], [false, 0, 1], /SyntaxError/],
      [["last"], [false, 1, 1], /late/],
      [["dies"], [false, 0, 1], /item ended with SIGKILL/],
    ];
    for (const [files, counts, expected = /./] of rows) {
      const { counts: found, output } = await outcomes(
        root,
        false,
        ...files.map((name) => `${name}_test.ts`),
      );
      assert.deepEqual(found, counts, output);
      assert.match(output, expected);
    }
  }));

Deno.test("a group reports each file by its name, and its other files run beside one that fails, throws or does not parse", () =>
  withFolder(async (folder) => {
    const root = join(folder, "a b#c%d?e ü"); // every name that a URL escapes
    await Deno.mkdir(root);
    const good = await outcomes(root, true, "good_test.ts", "sees_test.ts");
    assert.deepEqual(good.counts, [true, 2, 0], good.output);
    assert.deepEqual(good.files.map(({ name }) => name), ["good_test.ts", "sees_test.ts"]);
    const files = ["bad_test.ts", "throws_test.ts", "broken_test.ts", "good_test.ts"];
    const wrong = await outcomes(root, true, ...files);
    assert.deepEqual(wrong.counts, [false, 1, 3], wrong.output);
    for (const name of files.slice(1, 3)) assert.match(wrong.output, new RegExp(`${name} loads`));
  }));

Deno.test("a test that leaves the environment changed fails, and the next file of its group sees it restored", () =>
  withFolder(async (root) => {
    const ran = await outcomes(root, true, "leaves_test.ts", "sees_test.ts");
    assert.deepEqual(ran.counts, [false, 1, 1], ran.output);
    assert.match(ran.output, /this test left changed: LAMINA_LEFT in the environment/);
  }));

onUnix("the files of a group that dies run again, each alone", () =>
  withFolder(async (root) => {
    const ran = await outcomes(root, true, "good_test.ts", "dies_test.ts");
    assert.deepEqual([ran.succeeded, ofAll(ran.files)[1] > 0], [false, true], ran.output);
    assert.match(ran.output, /item ended with SIGKILL/);
    assert.match(ran.output, /good \.\.\. ok/);
  }));

Deno.test("every item is reported as it ends, and a long silence with the items that are running", () =>
  withFolder(async (root) => {
    await Deno.writeTextFile(join(root, "good_test.ts"), FILES["good_test.ts"]);
    const ended: string[] = [];
    const silent = new Set<string>();
    const ran = await runItems(["a", "b", "c"].map((name) => item(["good_test.ts"], false, name)), root, {
      atOnce: 2,
      onRan: ({ item }) => ended.push(item),
      onSilence: (items) => items.forEach((item) => silent.add(item)),
      silence: 5, // ms, far less than a process takes to start
    });
    assert.deepEqual(ended.toSorted(), ["a", "b", "c"]);
    assert.deepEqual(ran.map(({ item }) => item), ended);
    assert.deepEqual([...silent].toSorted(), ["a", "b", "c"]);
  }));

Deno.test("the first worker begins with items that wait, the others take them last", () =>
  withFolder(async (root) => {
    await Deno.writeTextFile(join(root, "good_test.ts"), FILES["good_test.ts"]);
    const items = ["a", "b", "waits"].map((name) => ({
      ...item(["good_test.ts"], false, name),
      waits: name === "waits",
    }));
    const ran = await runItems(items, root, { atOnce: 1, onRan() {}, onSilence() {} });
    assert.deepEqual(ran.map(({ item }) => item), ["waits", "a", "b"]);
  }));
