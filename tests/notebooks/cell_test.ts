/** What a cell shows, in a script and in a kernel. */
import assert from "node:assert/strict";
import { execute } from "../../src/lab.ts";
import { interruptible, show } from "../../src/show/cell.ts";
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
    const { onNotice, onProgress, signal } = interruptible();
    onNotice("kept");
    onProgress({ label: "profile", done: 1, total: 2, unit: "modules" });
    assert.equal(signal.aborted, false);
  } finally {
    console.log = log;
  }
  assert.deepEqual(lines, [
    "table, 2 rows: layer, importance",
    "picture",
    "text: # Heading",
    "figure importance: Low",
  ]);
});

const cells = [
  'import { interruptible, show } from "lamina";',
  'await show("**text**");\nawait show("<svg/>");\nawait show([]);',
  `await show([
    { name: "<a> & b", layer: 25, value: 0.004912, none: null },
    { name: "c", layer: 7, value: 785815.3, none: null },
  ]);`,
  `const { onNotice, onProgress } = interruptible();
  onNotice("kept from an earlier run");
  onProgress({ label: "profile", done: 1, total: 3, unit: "modules", rate: 1, secondsLeft: 2 });
  onProgress({ label: "profile", done: 3, total: 3, unit: "modules" });
  await show("done");`,
  `const stop = async () => {
    Deno.kill(Deno.pid, "SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const ended = (wait: () => unknown) => Promise.resolve().then(wait).then(() => "", (error) => error.name);
  await stop(); // before its cell has come to a study
  const { signal } = interruptible();
  const study = await ended(() => signal.throwIfAborted());
  await Promise.all([ended(async () => await show("x")).then((end) => globalThis.end = end), stop()]);
  await show([{ study, show: globalThis.end, fresh: !interruptible().signal.aborted }]);`,
];

kernelTest("in a kernel every call of show is one output, progress is drawn in place", async (folder) => {
  const path = `${folder}/cells.ipynb`;
  await writeNotebook(path, cells);
  await execute([path]);
  const run = await readCode(path);
  assert.deepEqual(run.flatMap(flawsOf), []);
  const [, kinds, table, progress, stopped] = run.map(({ outputs }) => outputs);
  assert.deepEqual(kinds.map((output) => Object.keys(output.data!).sort()), [
    ["text/markdown", "text/plain"],
    ["image/svg+xml", "text/plain"],
    ["text/html", "text/plain"],
  ]);
  const html = textOf(table[0], "text/html")!;
  assert.doesNotMatch(html, /style=|class=/);
  assert.match(html, /<td align="left">&lt;a&gt; &amp; b<\/td><td align="right">25<\/td>/);
  assert.match(html, /<td align="right">0.00491<\/td><td align="left">–<\/td>/);
  assert.match(html, /<td align="right">785,815<\/td>/);
  assert.match(textOf(table[0], "text/plain")!, /^name,layer,value,none\n<a> & b,25,0.004912,\n/);
  assert.equal(progress.length, 2, "one line of progress, and what is shown");
  assert.match(textOf(progress[0], "text/plain")!, /^kept from an earlier run\nprofile {2}done after 0 s$/);
  assert.equal(textOf(stopped[1], "text/plain"), "study,show,fresh\nAbortError,AbortError,true\n");
});
