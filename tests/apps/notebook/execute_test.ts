/** Headless runs that do not reach their end: what is saved, what is said, and which processes are left. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { Progress } from "core/entry/mod.ts";
import { execute } from "../../../src/apps/lab/jupyter.ts";
import { processesOf, until } from "../machines/processes.ts";
import { CLI, withVariables } from "../../core/command/cli.ts";
import { type Cell, kernelTest, readCells, readMade, root, writeNotebook } from "./notebook.ts";

/** What a cell printed. */
const printed = ({ outputs }: Cell) => outputs.flatMap(({ text }) => text ?? []).join("");

kernelTest("what ran before a cell that fails is saved, and the error names the cell", async (folder) => {
  const path = `${folder}/fails.ipynb`;
  await writeNotebook(path, [
    "for (let i = 0; i < 300; i++) console.log(i);",
    'console.log("before");\nthrow new RangeError("no");',
    "console.log(3);",
  ]);
  await assert.rejects(execute([path]), {
    message: `Cannot execute ${path}: cell 2 failed with RangeError: no; ${path} has the outputs until then`,
  });
  const cells = await readCells(path);
  assert.equal(printed(cells[0]), Array.from({ length: 300 }, (_, i) => `${i}\n`).join(""));
  // On a busy machine, what the kernel prints comes by another way than its error, and may come behind it.
  const types = cells.slice(1).map(({ outputs }) => outputs.map(({ output_type }) => output_type).sort());
  assert.deepEqual(types, [["error", "stream"], []]);
  assert.equal(await readMade(path), undefined, "its numbers are not all of this version");
  const other = /: found other JSON than a notebook, expected an object with a list "cells"$/;
  for (const [text, why] of [["{", /: NotJSONError: /], ["[1]", other]] as const) {
    await Deno.writeTextFile(path, text);
    await assert.rejects(execute([path]), why);
    assert.equal(await Deno.readTextFile(path), text);
  }
});

kernelTest("the cell that runs is reported, and named if the kernel ends in it", async (folder) => {
  const path = `${folder}/ends.ipynb`;
  await writeNotebook(path, [
    "1;",
    "await new Promise((r) => setTimeout(r, 3000));\nDeno.exit(3);",
    "",
    "3;",
  ]);
  const seen: Progress[] = [];
  await assert.rejects(execute([path], { onProgress: (progress) => seen.push(progress) }), {
    message: `Cannot execute ${path}: the kernel ended in cell 2; ${path} has the outputs until then`,
  });
  const { label, total, secondsLeft } = seen.at(-1)!;
  assert.deepEqual([label, total], ["ends.ipynb, cell 2 of 3", 3]);
  assert.ok(secondsLeft! > 0);
});

kernelTest("relative paths of models are the caller's", async (folder) => {
  const path = `${folder}/paths.ipynb`;
  await writeNotebook(path, ['console.log(Deno.env.get("LAMINA_OTHER"));']);
  await withVariables({ LAMINA_OTHER: "smollm2-135m,tests/fixtures,./none" }, () => execute([path]));
  const [cell] = await readCells(path);
  assert.equal(printed(cell), `smollm2-135m,${Deno.cwd()}/tests/fixtures,${Deno.cwd()}/none\n`);
});

kernelTest("an abort, and the end of Jupyter, end the relay and the kernel", async (folder) => {
  for (const end of ["abort", "kill"]) {
    const path = `${folder}/${end}.ipynb`;
    await writeNotebook(path, [
      `Deno.writeTextFileSync("${end}", "");\nawait new Promise((resolve) => setTimeout(resolve, 1e6));`,
    ]);
    const controller = new AbortController();
    const running = () => processesOf("LAMINA_OF_TEST", path);
    const done = execute([path], { env: { LAMINA_OF_TEST: path }, signal: controller.signal });
    const ended = assert.rejects(done, end === "abort" ? { name: "AbortError" } : /ended with code 137/);
    await until("the cell", () => existsSync(`${folder}/${end}`));
    const jupyter = running().find(({ command }) => command.includes("execute.py"))!;
    assert.equal(running().length, 3, "Jupyter, the relay, the kernel");
    if (end === "abort") controller.abort();
    else Deno.kill(jupyter.pid, "SIGKILL");
    await ended;
    await until("their end", () => running().length === 0);
  }
}, Deno.build.os === "linux" ? "" : " (skipped: needs /proc)");

kernelTest(
  "a signal to the whole group, while the kernel starts, ends everything with one line",
  async (folder) => {
    const path = `${folder}/stopped.ipynb`;
    await writeNotebook(path, ["1;"]);
    for (const [signal, expected] of [["INT", 130], ["TERM", 143]] as const) {
      const run = new Deno.Command(Deno.execPath(), {
        args: [...CLI, "lab", "--execute", path],
        cwd: root,
        env: { LAMINA_OF_TEST: path },
        stdout: "piped",
        stderr: "piped",
        detached: true,
      }).spawn();
      const running = () => processesOf("LAMINA_OF_TEST", path);
      await until("Python", () => running().some(({ command }) => command.includes("execute.py")));
      await new Deno.Command("kill", { args: ["-s", signal, "--", `-${run.pid}`] }).output();
      const { code, stderr } = await run.output();
      const said = new TextDecoder().decode(stderr);
      assert.deepEqual([code, said], [expected, "lamina: Stopped; what is kept is not computed again\n"]);
      await until("their end", () => running().length === 0);
    }
  },
  Deno.build.os === "linux" ? "" : " (skipped: needs /proc)",
);
