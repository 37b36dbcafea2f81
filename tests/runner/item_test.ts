/** Files become items, the longest first; a heavy file is one, and files that change what others see stay apart. */
import assert from "node:assert/strict";
import { words } from "../tools.ts";
import { isGroupable, itemsOf } from "./item.ts";

const SECONDS = {
  "tests/run/heavy_test.ts": 80,
  "tests/run/a_test.ts": 12,
  "tests/run/b_test.ts": 12,
  "tests/run/c_test.ts": 12,
  "tests/show/a_test.ts": 1,
  "tests/show/b_test.ts": 1,
  "tests/show/alone_test.ts": 1,
  "tests/study/d_test.ts": 10,
  "tests/readme_test.ts": 0,
};

Deno.test("the longest item is first, a heavy file is an item, light files share items of at most 45 seconds", () => {
  const items = itemsOf(Object.keys(SECONDS), SECONDS, (file) => !/alone|readme/.test(file));
  const named = (names: string[]) => names.map((name) => `tests/${name}_test.ts`);
  const groups = [
    ["run/heavy"],
    words`run/a run/b run/c show/a show/b`,
    ["study/d"],
    words`show/alone readme`,
  ];
  const [heavy, most, rest, alone] = groups.map(named);
  const waits = false;
  assert.deepEqual(items, [
    { name: heavy[0], files: heavy, grouped: false, seconds: 80, waits },
    { name: "5 files: run/a … show/b", files: most, grouped: true, seconds: 38, waits },
    { name: rest[0], files: rest, grouped: false, seconds: 10, waits },
    { name: "2 files: show/alone … readme", files: alone, grouped: false, seconds: 1, waits },
  ]);
});

Deno.test("every file is in one item, whether its seconds are recorded or not", () => {
  const files = Array.from({ length: 50 }, (_, i) => `tests/study/a${i}_test.ts`);
  const items = itemsOf(files, { "tests/study/a7_test.ts": 99 }, () => false);
  assert.deepEqual(items.flatMap(({ files }) => files).toSorted(), files.toSorted());
  assert.ok(items.length > 3, "files without a record are in several items");
  assert.equal(new Set(items.map(({ name }) => name)).size, items.length, "names differ");
});

Deno.test("a file that changes the environment, the folder, globals, signals or hooks is in no group", () => {
  const harmless = 'Deno.test("a", () => { Deno.env.get("HOME"); Deno.cwd(); if (Deno.pid === 1) return; });';
  const file = "tests/show/a_test.ts";
  assert.ok(isGroupable(file, `${harmless} Deno.test.afterAll(close);`));
  assert.ok(!isGroupable("tests/hub/a_test.ts", harmless), "a room that is apart");
  const lines = [
    ...['Deno.env.set("A", "1");', 'Deno.env.delete("A");', 'Deno.chdir("/");', "Deno.memoryUsage().rss;"],
    ...['import { residentBytes } from "./resident.ts";', "Deno.umask(0);", 'process.env.A = "1";'],
    ...['process.env["A"] = "1";', "globalThis.fetch = fake;", "Deno.Command = Fake;"],
    ...["Object.assign(globalThis, { document });", 'Deno.addSignalListener("SIGINT", stop);'],
    "Deno.test.afterEach(close);",
  ];
  for (const line of lines) assert.ok(!isGroupable(file, line), line);
});
