/** Cells that wait behind a cell that fails or is stopped do not run, for Jupyter's own client. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { kernelTest, runPython } from "./notebook.ts";

const FAILED = ["aborted", "Not run: a cell before it failed."];
const STOPPED = ["aborted", "Not run: the stop button was pressed."];
const lines = (count: number) => ["ok", Array.from({ length: count }, (_, i) => i).join("\n")];
const ERROR = ["error", ""];

kernelTest(
  "a cell that fails, or is stopped, takes the waiting ones with it; the next one runs",
  async (folder) => {
    const script = fileURLToPath(new URL("run_all.py", import.meta.url));
    const told = (await runPython([script, folder])).trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(told, [
      ["stopped before Lamina is imported", [["ok", "busy"], STOPPED]],
      ["afterwards", [["ok", "1"]]],
      ["failed", [["ok", "1"], ERROR, FAILED, FAILED]],
      ["failed at once", [ERROR, ...Array(30).fill(FAILED)]],
      ["may fail", [ERROR, ["ok", "2"]]],
      ["afterwards", [["ok", "1"], ["ok", "1000000"]]],
      ["many lines", [lines(3000), lines(300), lines(3000), ["ok", "x".repeat(3e6)], ["ok", "1"]]],
      ["set up", [["ok", ""]]],
      ["study stopped", [["error", "busy"], STOPPED]],
      ["study afterwards", [["ok", "measured"]]],
    ]);
  },
);
