/** A test that fails, a file that cannot run and a process that dies all count as failures; a report cut short is still read. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { withFolder } from "../support.ts";
import { filesNotRun, readReport } from "./report.ts";
import { runRoom, runRooms } from "./room.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="5" failures="2" errors="0" time="0.5">
  <testsuite name="./tests/a_test.ts" tests="5" disabled="1" errors="0" failures="2">
    <testcase name="passes" time="0.25"></testcase>
    <testcase name="ignored" time="0"><skipped/></testcase>
    <testcase name="fails" time="1"><failure message="1 test step failed">x &gt; y</failure></testcase>
    <testcase name="passes &gt; step" time="0.25"></testcase>
    <testcase name="fails &gt; step" time="1"><failure message="x">x</failure></testcase>
  </testsuite>
  <testsuite name="./tests/b_test.ts" tests="1"><testcase name="passes" time="2"></testcase></testsuite>
</testsuites>`;

Deno.test("a report gives tests by outcome, each with its steps once; half a report gives its first half", () => {
  const a = { name: "tests/a_test.ts", passed: 1, failed: 1, ignored: 1, seconds: 1.25 };
  const b = { name: "tests/b_test.ts", passed: 1, failed: 0, ignored: 0, seconds: 2 };
  assert.deepEqual(readReport(REPORT), [a, b]);
  assert.deepEqual(readReport(REPORT.slice(0, REPORT.indexOf('<testsuite name="./tests/b'))), [a]);
  assert.deepEqual(readReport(""), []);
});

Deno.test("a file that did not begin did not run, nor did the one in which a process without a report died", () => {
  const output = "running 2 tests from ./a_test.ts\nx ... ok (1ms)\nrunning 1 test from ./b_test.ts\ny ...";
  const files = ["a_test.ts", "b_test.ts", "c_test.ts"];
  assert.deepEqual(filesNotRun(files, output, true), ["c_test.ts"]);
  assert.deepEqual(filesNotRun(files, output, false), ["b_test.ts", "c_test.ts"]);
  assert.deepEqual(filesNotRun(files, "", false), files);
});

const FILES = {
  "good_test.ts": 'Deno.test("good", () => {});',
  "bad_test.ts": 'Deno.test("bad", () => { throw new Error("wrong"); });',
  "throws_test.ts": 'throw new Error("before any test");',
  "broken_test.ts": "Deno.test(",
  "last_test.ts":
    'Deno.test("good", () => {}); addEventListener("unload", () => { throw new Error("late"); });',
  "dies_test.ts":
    'Deno.test("dies", () => { Deno.kill(Deno.pid, "SIGKILL"); return new Promise(() => {}); });',
};

Deno.test({
  name:
    "a failed test, a file that throws or does not parse, and a process that dies or throws at its end are each one failure",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (root) => {
      for (const [name, text] of Object.entries(FILES)) await Deno.writeTextFile(join(root, name), text);
      const outcomes = async (...files: string[]) => {
        const ran = await runRoom({ name: "room", files }, root);
        const sum = (key: "passed" | "failed") => ran.files.reduce((total, file) => total + file[key], 0);
        return { ...ran, passed: sum("passed"), failed: sum("failed") };
      };
      const good = await outcomes("good_test.ts");
      assert.deepEqual([good.succeeded, good.passed, good.failed], [true, 1, 0], good.output);
      const wrong = await outcomes("good_test.ts", "bad_test.ts", "throws_test.ts");
      assert.deepEqual([wrong.succeeded, wrong.passed, wrong.failed], [false, 1, 2], wrong.output);
      assert.match(wrong.output, /before any test[^]*exit code 1/);
      const broken = await outcomes("broken_test.ts");
      assert.deepEqual([broken.succeeded, broken.passed, broken.failed], [false, 0, 1], broken.output);
      assert.match(broken.output, /SyntaxError/);
      const late = await outcomes("last_test.ts");
      assert.deepEqual([late.succeeded, late.failed], [false, 1], late.output);
      assert.match(late.output, /late/);
      const dead = await outcomes("dies_test.ts");
      assert.deepEqual([dead.succeeded, dead.passed, dead.failed], [false, 0, 1], dead.output);
      assert.match(dead.output, /room ended with SIGKILL/);
    }),
});

Deno.test("every room is reported as it ends, and a long silence with the rooms that are running", () =>
  withFolder(async (root) => {
    await Deno.writeTextFile(join(root, "good_test.ts"), FILES["good_test.ts"]);
    const ended: string[] = [];
    const silent = new Set<string>();
    const ran = await runRooms(["a", "b", "c"].map((name) => ({ name, files: ["good_test.ts"] })), root, {
      atOnce: 2,
      onRan: ({ room }) => ended.push(room),
      onSilence: (rooms) => rooms.forEach((room) => silent.add(room)),
      silence: 5, // ms, far less than a process takes to start
    });
    assert.deepEqual(ended.toSorted(), ["a", "b", "c"]);
    assert.deepEqual(ran.map(({ room }) => room), ended);
    assert.deepEqual([...silent].toSorted(), ["a", "b", "c"]);
  }));
