/**
 * Runs the tests: light files share a process, heavy ones have their own; one process more at a time than there are cores, the
 * longest first. Prints the ten slowest files and Deno's own summary.
 *
 *     deno task test [FILTER …]      the tests that every change must pass, in minutes
 *     deno task test:all [FILTER …]  also the whole matrices: every family on WebGPU, every command of the documentation, …
 *     deno task test:near            the files that changes since main reach by their imports; --since REF: since another commit
 *
 * A filter selects rooms and files by a part of their path. `--seconds` records what each file took, for the next run's order. Exit code
 * 1 if a test fails or no test passes.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isGroupable, itemsOf } from "./runner/item.ts";
import { changedFiles, filesNear, modulesOf } from "./runner/near.ts";
import { type Ran, runItems, stopItems } from "./runner/queue.ts";
import { readSeconds, writeSeconds } from "./runner/seconds.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const SLOWEST = 10;
/** The end of a test's name that `thorough` (support.ts) leaves to `deno task test:all`. */
const LEFT = /deno task test:all\) \.\.\. ignored/;

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${root}${folder}`)) {
    if (isDirectory) yield* walk(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

/** The test files that filters and changes select. */
async function selected(filters: readonly string[], near: boolean, since?: string): Promise<string[]> {
  const files = [...walk("tests")].filter((path) => path.endsWith("_test.ts")).sort();
  const wanted = files.filter((path) => filters.length === 0 || filters.some((part) => path.includes(part)));
  if (!near) return wanted;
  const changed = await changedFiles(root, since);
  const reached = filesNear(wanted, changed, await modulesOf(files, root), root);
  console.log(`${changed.length} changed files reach ${reached.length} of ${files.length} test files`);
  return reached;
}

/** Prints the tests that did not run, the slowest files, the tests that failed and the summary; gives whether all is well. */
function summarise(ran: readonly Ran[], minutes: number): boolean {
  const files = ran.flatMap((item) => item.files);
  const sum = (key: "passed" | "failed" | "ignored") => files.reduce((total, file) => total + file[key], 0);
  const [passed, failed, ignored] = [sum("passed"), sum("failed"), sum("ignored")];
  const lines = ran.flatMap(({ output }) => output.match(/^.* \.\.\. ignored.*$/gm) ?? []);
  const [skipped, left] = [false, true].map((is) => lines.filter((line) => LEFT.test(line) === is));
  if (skipped.length > 0) console.log(`\nskipped:\n${skipped.map((line) => `  ${line}`).join("\n")}`);
  if (left.length > 0) console.log(`\n${left.length} tests are left to deno task test:all`);
  console.log(`\nslowest files:`);
  const timed = files.filter(({ seconds }) => seconds > 0).sort((a, b) => b.seconds - a.seconds);
  for (const { name, seconds } of timed.slice(0, SLOWEST)) {
    console.log(`  ${seconds.toFixed(1).padStart(6)} s  ${name}`);
  }
  const failures = ran.flatMap(({ output }) => output.match(/^.* \.\.\. FAILED.*$/gm) ?? []);
  if (failures.length > 0) console.log(`\nfailed:\n${failures.join("\n")}`);
  const good = ran.every(({ succeeded }) => succeeded) && failed === 0 && passed > 0;
  const counts = `${passed} passed | ${failed} failed | ${ignored} ignored`;
  console.log(`\n${good ? "ok" : "FAILED"} | ${counts} (${minutes.toFixed(1)} min)`);
  return good;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  if (Deno.build.os === "windows" && signal === "SIGTERM") continue;
  Deno.addSignalListener(signal, () => {
    stopItems();
    console.log(`\nFAILED | stopped by ${signal}`);
    Deno.exit(signal === "SIGINT" ? 130 : 143);
  });
}

const begin = performance.now();
const minutes = () => (performance.now() - begin) / 60_000;
const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { near: { type: "boolean" }, since: { type: "string" }, seconds: { type: "boolean" } },
});
const files = await selected(positionals, values.near ?? values.since !== undefined, values.since);
if (values.near && files.length === 0) {
  console.log("no test reaches a changed file");
  Deno.exit(0);
}
const items = itemsOf(
  files,
  await readSeconds(root),
  (file) => isGroupable(file, Deno.readTextFileSync(`${root}${file}`)),
);
let ended = 0;
const ran = await runItems(items, root, {
  atOnce: availableParallelism() + 1, // some wait: each read from WebGPU sleeps for 10 ms
  onRan({ item, succeeded, output, seconds }) {
    console.log(
      `${++ended}/${items.length} ${succeeded ? "ok    " : "FAILED"} ${item} (${seconds.toFixed(0)} s)`,
    );
    if (!succeeded) console.log(output);
  },
  onSilence: (items) => console.log(`after ${minutes().toFixed(0)} min: running ${items.join(", ")}`),
});
const good = summarise(ran, minutes());
if (good && values.seconds) await writeSeconds(items, ran, root);
Deno.exit(good ? 0 : 1);
