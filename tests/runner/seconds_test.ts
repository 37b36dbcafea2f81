/** What a run records of each file. */
import assert from "node:assert/strict";
import { secondsOf } from "./seconds.ts";

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
  assert.deepEqual(Object.entries(secondsOf([item], [ran])), [["tests/a_test.ts", 3], [
    "tests/b_test.ts",
    6,
  ]]);
});
