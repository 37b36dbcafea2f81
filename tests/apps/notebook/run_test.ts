/**
 * The notebooks executed from nothing at a small setting, on a small model (small.ts; on the real one before a release), and the stop
 * button pressed in a running study.
 */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { execute } from "../../../src/apps/lab/jupyter.ts";
import {
  committed,
  flawsOf,
  foreignParts,
  kernelTest,
  nameOf,
  notebooks,
  QUICK,
  readCode,
  root,
  runPython,
  SHOWS,
  textOf,
  writeNotebook,
  writeScript,
} from "./notebook.ts";
import { writeSmall } from "../../small.ts";
import { isRelease } from "../../support.ts";
import { printed, unchanged, words } from "../../tools.ts";

/** Two samples of 48 tokens. */
const sizes = { LAMINA_SAMPLES: "2", LAMINA_LENGTH: "48", LAMINA_CONTEXTS: "16", LAMINA_ROUNDS: "1" };
/** The one model that every machine fetches. */
const REAL = "smollm2-135m";

const skipped = unchanged("notebooks");

const ROUNDS = 2;
const PATIENCE = 5; // s from the stop button to the answer of the next cell on a busy machine; the study itself would take longer

const HEADLESS = "every notebook runs headlessly and loses no output; one as a script runs without a kernel";
kernelTest(HEADLESS, async (folder) => {
  const paths = isRelease ? committed : await copies(folder);
  const env = { ...sizes, LAMINA_MODEL: isRelease ? REAL : "../small", LAMINA_RESULTS: `${folder}/results` };
  await execute(paths, { folder, env });
  for (const path of paths) {
    const name = nameOf(path);
    const [wanted, run] = [await readCode(path), await readCode(`${folder}/${name}.ipynb`)];
    assert.deepEqual(run.map(({ source }) => source), wanted.map(({ source }) => source), name);
    assert.deepEqual(run.flatMap(flawsOf), [], name);
    assert.deepEqual(foreignParts(JSON.stringify(run)), [], name);
  }
  await checkScript(paths.find((path) => nameOf(path) === QUICK)!, env);
}, skipped && ` (skipped: ${skipped})`);

/** The notebooks beside the project's data, with the small model instead of the real one. */
async function copies(folder: string): Promise<string[]> {
  await writeSmall(`${folder}/small`);
  await Deno.symlink(`${root}data`, `${folder}/data`);
  await Deno.mkdir(`${folder}/notebooks`);
  return await Promise.all(committed.map(async (path) => {
    const copy = `${folder}/notebooks/${nameOf(path)}.ipynb`;
    const text = await Deno.readTextFile(path);
    const small = text.replaceAll(JSON.stringify(`"${REAL}"`).slice(1, -1), String.raw`\"../small\"`);
    await Deno.writeTextFile(copy, small);
    return copy;
  }));
}

/** A notebook's cells as one script: it ends well and prints one line for each call of `show`, the answer last. */
async function checkScript(path: string, env: Record<string, string>): Promise<void> {
  const script = path.replace(/ipynb$/, "ts");
  await writeScript(script, path);
  const lines = (await runScript(script, env)).trim().split("\n");
  const calls = (await readCode(path)).flatMap(({ source }) => source.match(SHOWS) ?? []);
  assert.equal(lines.length, calls.length - 1, path);
  assert.match(lines.at(-1)!, /^text: \*\*In this run:\*\* /);
}

const PLAIN =
  "a plain cell of a study leaves one line, the bar before it: what was done, and how long it took";
kernelTest(PLAIN, async (folder) => {
  const path = `${folder}/plain.ipynb`;
  const study = 'await profile("smollm2-135m", { samples: 4, length: 512 });\n0;'; // more than a second on any machine
  await writeNotebook(path, ['import { profile } from "lamina";', study]);
  await execute([path]);
  const [, { outputs }] = await readCode(path);
  const [line, ...others] = outputs.filter((output) => output.output_type === "display_data");
  assert.deepEqual(others, []);
  const said = textOf(line, "text/plain")!.split("\n");
  assert.match(said.pop()!, /^profile: smollm2-135m {2}done after (?:\d+ min )?\d+ s$/);
  for (const one of said) assert.match(one, /MB (from|unpacked)/, "a line about a download");
});

kernelTest("the stop button ends a study and keeps the kernel", async (folder) => {
  const script = fileURLToPath(new URL("stop.py", import.meta.url));
  const lines = (await runPython([script, String(ROUNDS), notebooks], { LAMINA_RESULTS: folder })).trim()
    .split("\n");
  assert.equal(lines.length, ROUNDS);
  lines.map((line) => JSON.parse(line)).forEach(({ error, kept, answered }, i) => {
    assert.equal(error, "AbortError");
    assert.equal(kept, `kept ${i + 1} 30`, "the round's number and the model's layers");
    assert.ok(answered < PATIENCE, `answered after ${answered} s`);
  });
});

function runScript(path: string, env: Record<string, string>): Promise<string> {
  const args = words`run -A --quiet --no-check --config ${root}deno.json ${path}`;
  return printed(Deno.execPath(), args, { cwd: dirname(path), env });
}
