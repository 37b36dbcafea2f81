/** A JUnit report gives the outcome of each file, also where it is cut short; what a run records of each file. */
import assert from "node:assert/strict";
import { filesNotRun, readReport } from "./report.ts";
import { secondsOf } from "./seconds.ts";

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

Deno.test("a file's seconds are those of its tests, with an equal share of what its process took beside tests", () => {
  const item = { name: "b, a", files: ["tests/b_test.ts", "tests/a_test.ts"], grouped: false, seconds: 0 };
  const report = (name: string, seconds: number) => ({ name, passed: 1, failed: 0, ignored: 0, seconds });
  const ran = {
    item: "b, a",
    succeeded: true,
    output: "",
    // 3 s of the tests that support.ts registers belong to no file
    files: [report("tests/b_test.ts", 2), report("tests/support.ts", 3), report("tests/b_test.ts", 1)],
    seconds: 9,
  };
  const found = Object.entries(secondsOf([item], [ran]));
  assert.deepEqual(found, [["tests/a_test.ts", 3], ["tests/b_test.ts", 6]]);
});
