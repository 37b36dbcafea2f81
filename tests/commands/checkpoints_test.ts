/** `lamina checkpoints` as a person runs it: tables, JSON, what is kept, the dry run, wrong use. */
import assert from "node:assert/strict";
import { readResult } from "../../src/result/mod.ts";
import { withFolder } from "../support.ts";
import { tinyText } from "../study/tiny.ts";
import { checkpointFiles, tokenizerFile, writeCheckpoints } from "../study/training.ts";
import { keptOf, lamina, runs } from "./cli.ts";

const { run, ok } = runs((...args) => lamina("checkpoints", ...args));

/** A series of a name that nothing else has; the command keeps its results by that name. */
async function withSeries(use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const names = ["checkpoint-0", "checkpoint-10", "checkpoint-200"];
    const steps = names.map(async (name, i) => [name, await checkpointFiles(i)] as const);
    await writeCheckpoints(folder, new Map(await Promise.all(steps)));
    await Deno.writeFile(`${folder}/tokenizer.json`, tokenizerFile);
    await Deno.writeTextFile(`${folder}/text.txt`, tinyText);
    await use(folder);
  });
}

const rows = (table: string) =>
  table.split("\n").map((line) => line.trim().split(/\s+/)[0]).filter((cell) => /^\d+$/.test(cell));

Deno.test("a line a step in each table, and JSON of the form; a second run finds all of it kept", () =>
  withSeries(async (folder) => {
    const tiny = ["--text", `${folder}/text.txt`, "--samples", "2", "--length", "16"];
    const args = [folder, ...tiny, "--quality", `${folder}/text.txt`];
    const first = await ok(...args, "--json", `${folder}/result.json`);
    assert.deepEqual(rows(first.out), [...["0", "10", "200"], ...["0", "10", "200"], ...["0", "10", "200"]]);
    const { series } = await readResult(`${folder}/result.json`, "checkpoints");
    assert.deepEqual(series.map(({ step, quality }) => [step, quality!.curves.length]), [[0, 3], [10, 3], [
      200,
      3,
    ]]);
    const again = await run(...args);
    assert.match(again.err, /3 of 3 checkpoints reused from an earlier run/);
    assert.equal(again.out, first.out);
    const some = await run(folder, ...tiny, "--steps", "200,0");
    assert.deepEqual(rows(some.out), ["0", "200", "0", "200"]);
  }));

Deno.test("a dry run measures nothing; what is asked wrongly says so", () =>
  withSeries(async (folder) => {
    const dry = await run(folder, "--dry-run", "--samples", "1", "--length", "16");
    assert.match(
      dry.out,
      /3 checkpoints \(0, 10, 200\):\n16 tokens, 1 plan, 18 modules to run · float32, cpu\nabout /,
    );
    assert.deepEqual(keptOf(folder), []);
    for (
      const [args, code, message] of [
        [["--steps", "7"], 1, /Cannot study .*: step 7 is missing, expected some of 0, 10, 200/],
        [["--steps", "x"], 2, /expected a whole number/],
        [["--upto", "3"], 2, /unknown option/],
      ] as const
    ) {
      const wrong = await run(folder, ...args);
      assert.equal(wrong.code, code);
      assert.match(wrong.err, message);
    }
  }));
