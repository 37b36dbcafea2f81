/** `lamina checkpoints` as a person runs it: tables, JSON, what is kept, the dry run, wrong use. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { readResult } from "../../src/result/mod.ts";
import { withFolder } from "../support.ts";
import { kept, tinyText } from "./tiny.ts";
import { checkpointFiles, tokenizerFile, writeCheckpoints } from "./training.ts";

const root = new URL("../../", import.meta.url);
const results = new URL("data/results/", root).pathname;

/** A series of a name that nothing else has; the command keeps its results by that name. */
async function withSeries(use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const names = ["checkpoint-0", "checkpoint-10", "checkpoint-200"];
    const steps = names.map(async (name, i) => [name, await checkpointFiles(i)] as const);
    await writeCheckpoints(folder, new Map(await Promise.all(steps)));
    await Deno.writeFile(`${folder}/tokenizer.json`, tokenizerFile);
    await Deno.writeTextFile(`${folder}/text.txt`, tinyText);
    try {
      await use(folder);
    } finally {
      for (const file of keptOf(folder)) await Deno.remove(results + file);
    }
  });
}

const keptOf = (folder: string) => kept(results).filter((file) => file.includes(basename(folder)));

async function lamina(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "src/cli.ts", "checkpoints", ...args],
    cwd: root,
    env: { NO_COLOR: "1", LANG: "C.UTF-8" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

const rows = (table: string) =>
  table.split("\n").map((line) => line.trim().split(/\s+/)[0]).filter((cell) => /^\d+$/.test(cell));

Deno.test("a line a step in each table, and JSON of the form; a second run finds all of it kept", () =>
  withSeries(async (folder) => {
    const tiny = ["--text", `${folder}/text.txt`, "--samples", "2", "--length", "16"];
    const args = [folder, ...tiny, "--quality", `${folder}/text.txt`];
    const first = await lamina(...args, "--json", `${folder}/result.json`);
    assert.equal(first.code, 0, first.err);
    assert.deepEqual(rows(first.out), [...["0", "10", "200"], ...["0", "10", "200"], ...["0", "10", "200"]]);
    const { series } = await readResult(`${folder}/result.json`, "checkpoints");
    assert.deepEqual(series.map(({ step, quality }) => [step, quality!.curves.length]), [[0, 3], [10, 3], [
      200,
      3,
    ]]);
    const again = await lamina(...args);
    assert.match(again.err, /3 of 3 checkpoints kept from an earlier run/);
    assert.equal(again.out, first.out);
    const some = await lamina(folder, ...tiny, "--steps", "200,0");
    assert.deepEqual(rows(some.out), ["0", "200", "0", "200"]);
  }));

Deno.test("a dry run measures nothing; what is asked wrongly says so", () =>
  withSeries(async (folder) => {
    const dry = await lamina(folder, "--dry-run", "--samples", "1", "--length", "16");
    assert.match(dry.out, /3 checkpoints \(0, 10, 200\): 16 tokens, 1 plan, 18 modules to run\nabout /);
    assert.deepEqual(keptOf(folder), []);
    for (
      const [args, code, message] of [
        [["--steps", "7"], 1, /Cannot study step 7 of .*, expected some of 0, 10, 200/],
        [["--steps", "x"], 2, /expected a whole number/],
        [["--upto", "3"], 2, /unknown option/],
      ] as const
    ) {
      const wrong = await lamina(folder, ...args);
      assert.equal(wrong.code, code);
      assert.match(wrong.err, message);
    }
  }));
