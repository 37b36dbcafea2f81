/** What a cell shows, in a script and in a kernel. */
import assert from "node:assert/strict";
import { execute } from "../../../src/apps/lab/jupyter.ts";
import { question, show } from "../../../src/apps/notebook/cell.ts";
import { profile } from "../../core/result/samples.ts";
import { flawsOf, kernelTest, readCode, textOf, writeNotebook } from "./notebook.ts";

Deno.test("outside a kernel a line stands in for what is shown", async () => {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line: string) => lines.push(line);
  try {
    await show([{ layer: 1, importance: 0.5 }, { layer: 2, importance: 0.25 }]);
    await show("<svg></svg>");
    await show("\n# Heading\nmore");
    await show({ name: "importance", title: "Low", setting: "", reading: "", svg: "<svg/>", csv: "" });
    await (await question("How low?"))("0.2 (0.1 to 0.3)");
  } finally {
    console.log = log;
  }
  const shown = ["table, 2 rows: layer, importance", "picture", "text: # Heading", "figure importance: Low"];
  assert.deepEqual(lines, [...shown, "text: **In this run:** 0.2 (0.1 to 0.3)"]);
});

const cells = [
  'import { question, show } from "lamina";\nconst answer = await question("How low?");',
  `const { enter, reportChecks } = await import("${new URL(
    "../../../src/core/entry/mod.ts",
    import.meta.url,
  )}");`,
  'await show("**text**");\nawait show("<svg/>");\nawait show([]);',
  `await show([
    { name: "<a> & b", layer: 25, value: 0.004912, none: null },
    { name: "c", layer: 7, value: 785815.3, none: null },
  ], { folded: "a < b" });`,
  `await enter("study", "a model", {}, reportChecks, async (options) => {
    await enter("profile", "a part", options, reportChecks, async ({ onNotice, onProgress }) => {
      onNotice("reused from an earlier run");
      onProgress({ label: "profile", done: 1, total: 3, unit: "modules", rate: 1, secondsLeft: 2 });
      await new Promise((resolve) => setTimeout(resolve, 1100));
      onProgress({ label: "profile", done: 2, total: 3, unit: "modules", rate: 1, secondsLeft: 1 });
      onProgress({ label: "profile", done: 3, total: 3, unit: "modules" });
    });
  });
  await show("done");`,
  `const stop = async () => {
    Deno.kill(Deno.pid, "SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const ended = (wait: () => unknown) => Promise.resolve().then(wait).then(() => "", (error) => error.name);
  const study = () => enter("study", "a model", {}, reportChecks, () => Promise.resolve());
  await stop(); // before its cell has come to a study
  const late = await ended(study);
  await new Promise((resolve) => setTimeout(resolve, 600)); // two stops within half a second are one press
  await Promise.all([ended(async () => await show("x")).then((end) => globalThis.end = end), stop()]);
  await show([{ study: late, show: globalThis.end, fresh: await ended(study) === "" }]);`,
  `const [{ readResult }, { importanceFigure }] = [await import("lamina"), await import("lamina/figures")];
  const measured = await readResult("profile.json", "profile");
  importanceFigure(measured)`,
  "measured",
  'await answer("0.2 (0.1 to 0.3)");',
];

kernelTest("a kernel draws each call once, progress and the answer in place", async (folder) => {
  const path = `${folder}/cells.ipynb`;
  await Deno.writeTextFile(`${folder}/profile.json`, JSON.stringify(profile()));
  await writeNotebook(path, cells);
  await execute([path]);
  const run = await readCode(path);
  const answers = [run[0], ...run.splice(-1)].map(({ outputs: [one] }) => textOf(one, "text/markdown"));
  assert.deepEqual(answers, Array(2).fill("**In this run:** 0.2 (0.1 to 0.3)"));
  for (const { outputs: [value] } of run.splice(-2)) assert.match(textOf(value, "image/svg+xml")!, /^<svg/);
  assert.deepEqual(run.flatMap(flawsOf), []);
  const [, , kinds, table, progress, stopped] = run.map(({ outputs }) => outputs);
  assert.deepEqual(kinds.map((output) => Object.keys(output.data!).sort()), [
    ["text/markdown", "text/plain"],
    ["image/svg+xml", "text/plain"],
    ["text/markdown", "text/plain"],
  ]);
  const html = textOf(table[0], "text/html")!;
  const row = [["left", "&lt;a&gt; &amp; b"], ["right", "25"], ["right", "0.00491"], ["left", "–"]];
  const aligned = row.map(([side, text]) => `<td align="${side}" style="text-align: ${side}">${text}</td>`);
  assert.ok(html.includes(`<tr>${aligned.join("")}</tr>`), html);
  assert.match(html, /^<details><summary>a &lt; b<\/summary><table>.*>785,815<\/td>/);
  assert.match(textOf(table[0], "text/plain")!, /^name,layer,value,none\n<a> & b,25,0.004912,\n/);
  assert.equal(progress.length, 2, "one line of progress, and what is shown");
  assert.match(
    textOf(progress[0], "text/plain")!,
    /^reused from an earlier run\nstudy: a model {2}done after 1 s$/,
  );
  assert.equal(textOf(stopped[1], "text/plain"), "study,show,fresh\nAbortError,AbortError,true\n");
});
