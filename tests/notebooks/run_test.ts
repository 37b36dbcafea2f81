/** The notebooks executed from nothing at a small setting, and the stop button pressed in a running study. */
import assert from "node:assert/strict";
import { execute } from "../../src/lab.ts";
import {
  committed,
  flawsOf,
  foreignParts,
  nameOf,
  notebooks,
  readCode,
  runPython,
  withKernel,
  writeScript,
} from "./notebook.ts";

/** Two samples of 128 tokens of the one model that every machine fetches. */
const small = { LAMINA_SAMPLES: "2", LAMINA_LENGTH: "128", LAMINA_OWN: "smollm2-135m" };

const SHOW = /\bawait show\(/g;
const ROUNDS = 2;
const PATIENCE = 2; // s from the stop button to the answer of the next cell

Deno.test("notebooks run headlessly and lose no output; as scripts they run without a kernel", async () => {
  await withKernel(async (folder) => {
    const env = { ...small, LAMINA_RESULTS: `${folder}/results` };
    await execute(committed, { folder, env });
    for (const path of committed) {
      const name = nameOf(path);
      const [wanted, run] = [await readCode(path), await readCode(`${folder}/${name}.ipynb`)];
      assert.deepEqual(run.map(({ source }) => source), wanted.map(({ source }) => source), name);
      assert.deepEqual(run.flatMap(flawsOf), [], name);
      assert.deepEqual(foreignParts(JSON.stringify(run)), [], name);
      const script = `${folder}/${name}.ts`;
      await writeScript(script, path);
      const lines = (await runScript(script, env)).trim().split("\n");
      assert.equal(lines.length, wanted.flatMap(({ source }) => source.match(SHOW) ?? []).length, name);
    }
  });
});

Deno.test("the stop button ends a study and keeps the kernel", async () => {
  await withKernel(async () => {
    const script = new URL("stop.py", import.meta.url).pathname;
    const lines = (await runPython([script, String(ROUNDS), notebooks])).trim().split("\n");
    assert.equal(lines.length, ROUNDS);
    lines.map((line) => JSON.parse(line)).forEach(({ error, kept, answered }, i) => {
      assert.equal(error, "AbortError");
      assert.equal(kept, `kept ${i + 1} 30`, "the round's number and the model's layers");
      assert.ok(answered < PATIENCE, `answered after ${answered} s`);
    });
  });
});

async function runScript(path: string, env: Record<string, string>): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", path],
    cwd: notebooks,
    env,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
