/** `lamina cache` and `models` as a person runs them: what they list, that prune asks, and what verify says of damage. */
import assert from "node:assert/strict";
import process from "node:process";
import { writeStamp } from "core/hub/cache/stamp.ts";
import { knownModels } from "core/hub/mod.ts";
import { widthOf } from "core/show/plain.ts";
import { withFolder } from "../../support.ts";
import { type Desk, lamina, type Runs, runs, withVariables } from "../../core/command/cli.ts";
import { words } from "../../tools.ts";

const manifest = new URL("../../../data/models.json", import.meta.url);

/** Runs `lamina cache …` on a cache with one dataset of one file. */
async function withCache(test: (commands: Runs, file: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const snapshot = `${folder}/hub/datasets--owner--name/snapshots/${"0".repeat(40)}`;
    await Deno.mkdir(snapshot, { recursive: true });
    const file = `${snapshot}/rows.json`;
    await Deno.writeTextFile(file, "[]");
    const sha256 = "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"; // of "[]"
    const { size, mtime } = await Deno.stat(file);
    const stamp = { size, mtime: mtime!.getTime(), sha256, checked: true };
    await Deno.writeTextFile(`${snapshot}/.rows.json.stamp`, JSON.stringify(stamp));
    const { isTTY } = process.stdin;
    process.stdin.isTTY = false; // also where a person runs the test
    try {
      const environment = { LAMINA_CACHE: folder, HF_HUB_CACHE: `${folder}/none` };
      await withVariables(environment, () => test(runs((...args) => lamina("cache", ...args)), file));
    } finally {
      process.stdin.isTTY = isTTY;
    }
  });
}

Deno.test("prune lists what it would remove, asks, and without a terminal wants --yes", () =>
  withCache(async ({ fails, run }, file) => {
    for (const what of ["--all", "datasets/owner/name"]) {
      const { code, out, err } = await run("prune", what);
      assert.equal(code, 2);
      assert.match(out, /datasets\/owner\/name\s+2 bytes/);
      assert.match(err, /no terminal to ask for confirmation; use --yes/);
      assert.equal(await Deno.readTextFile(file), "[]");
    }
    for (const both of [[], ["--all", "datasets/owner/name"]]) {
      assert.equal((await run("prune", ...both)).code, 2);
    }
    const unknown = /Cannot find \.\.\/hub: not in the cache, expected one of: datasets\/owner\/name/;
    await fails(1, unknown, ...words`prune --yes ../hub`);
    const { code, out } = await run("prune", "--all", "--yes");
    assert.equal(code, 0);
    assert.match(out, /removed datasets\/owner\/name/);
    await assert.rejects(Deno.stat(file), Deno.errors.NotFound);
    assert.match((await run("prune", "--all")).out, /removed nothing/);
  }));

Deno.test("verify says that all is sound, or names what is damaged and exits with 1", () =>
  withCache(async ({ fails, run }, file) => {
    const sound = await run("verify");
    assert.deepEqual([sound.code, sound.out], [0, "2 bytes in 1 file: as they arrived\n"]);
    await Deno.writeTextFile(file, "{}");
    const { code, out, err } = await run("verify", "datasets/owner/name");
    assert.equal(code, 1);
    assert.match(
      out,
      /^datasets\/owner\/name:\s+\S*\/rows\.json:\s+its hash is [0-9a-f]{64},\s+expected 4f53cda1/,
    );
    assert.match(
      err,
      /Cannot trust 1 of 1 files.*fetched again when .* opened next.*lamina cache prune NAME/,
    );
    await fails(1, /Cannot find nothing/, "verify", "nothing");
  }));

/** A cache with the first known model (a file of its size, which holds nothing) and a package. */
function withStock(use: (run: Desk["run"], folder: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const [{ name, size }] = await knownModels();
    const { models: [{ file }] } = JSON.parse(await Deno.readTextFile(manifest));
    await Deno.mkdir(`${folder}/models/${name}`, { recursive: true });
    await Deno.mkdir(`${folder}/packages/rows-1.0`, { recursive: true });
    await Deno.writeFile(`${folder}/packages/rows-1.0/rows`, new Uint8Array(1500));
    await Deno.writeFile(`${folder}/models/${name}/${file}`, new Uint8Array());
    await Deno.truncate(`${folder}/models/${name}/${file}`, size); // a hole: it takes no room
    await writeStamp(`${folder}/models/${name}/${file}`, "0".repeat(64), true);
    await writeStamp(`${folder}/packages/rows-1.0/rows`, "0".repeat(64), true);
    await withVariables({ LAMINA_CACHE: folder }, () => use(lamina, folder));
  });
}

Deno.test("models: a row a model, which of them is cached, and the same as JSON", () =>
  withStock(async (run) => {
    const [table, json] = await Promise.all([run("models"), run("models", "--json", "-")]);
    assert.equal(table.code, 0, table.err);
    assert.deepEqual(table.out.split("\n").filter((line) => widthOf(line) > 80), []);
    const [head, ...lines] = table.out.split("\n");
    assert.match(head, /^name +family +licence +size +cached$/);
    const models = await knownModels();
    const rows = lines.filter((line) => / (yes|no)$/.test(line)).map((line) => line.split(/ {2,}/));
    assert.deepEqual(rows.map(([name]) => name), models.map(({ alias }) => alias));
    assert.deepEqual(rows.map((row) => row.at(-1)), ["yes", "no", "no", "no"]);
    assert.match(table.out, /also be: a folder in Hugging Face layout, a \.gguf file, or\s+owner\/name/);
    const listed: typeof models = JSON.parse(json.out);
    assert.deepEqual(
      listed.map(({ name, cached }) => [name, cached]),
      models.map(({ name }, i) => [name, i === 0]),
    );
  }));

Deno.test("cache: a line an entry, its size and last use, and where it lies", () =>
  withStock(async (run, folder) => {
    const [{ name }] = await knownModels();
    const { code, out, err } = await run("cache");
    assert.deepEqual([code, err], [0, `in ${folder}\n`]);
    const today = new Date().toISOString().slice(0, 10);
    const rows = out.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
    assert.deepEqual(rows, [["name", "size", "last use"], ["rows-1.0", "1.50 kB", today], [
      name,
      "98.4 MB",
      today,
    ]]);
    assert.deepEqual(await run("cache", "list"), { code, out, err });
    for (const what of ["models", "packages"]) await Deno.remove(`${folder}/${what}`, { recursive: true });
    assert.equal((await run("cache")).out, "nothing is cached\n");
  }));
