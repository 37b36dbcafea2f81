/** Results are kept under the hash of what they depend on, and written whole or not at all. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { cacheKey, keptResult, resultPath, writeResult, writeWhole } from "../../src/result/mod.ts";
import { withFolder } from "../support.ts";
import { perplexity, profile, provenance } from "./samples.ts";

/** The same value with the keys of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([key, inner]) => [key, reordered(inner)]));
}

Deno.test("the cache key does not depend on the order of keys", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assert.equal(cacheKey("profile", reordered(value)), cacheKey("profile", value));
  }));
});

Deno.test("different values have different cache keys, and so have different kinds", () => {
  const canonical = (value: unknown) => JSON.stringify(JSON.parse(JSON.stringify(value)));
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
    fc.pre(canonical(a) !== canonical(b) && canonical(reordered(a)) !== canonical(b));
    assert.notEqual(cacheKey("profile", [a, 1]), cacheKey("profile", [b, 2]));
  }));
  assert.notEqual(cacheKey("profile", 1), cacheKey("perplexity", 1));
  assert.match(cacheKey("profile", 1), /^[0-9a-f]{16}$/);
});

Deno.test("every field of the provenance is part of the cache key", () => {
  const original = provenance();
  const base = cacheKey("profile", original);
  const leaves = (value: unknown, path: string[]): string[][] =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))
      : [path];
  const paths = leaves(original, []);
  assert.ok(paths.length >= 20);
  for (const path of paths) {
    const changed = structuredClone(original) as unknown as Record<string, unknown>;
    const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, changed);
    parent[path.at(-1)!] = "changed";
    assert.notEqual(cacheKey("profile", changed), base, path.join("."));
  }
});

Deno.test("a kept result is found by its provenance alone; one that cannot be read counts as absent", () =>
  withFolder(async (folder) => {
    const result = profile();
    const path = resultPath(folder, "profile", result.provenance);
    assert.equal(await keptResult(folder, "profile", result.provenance), null);
    await writeResult(path, result);
    assert.deepEqual(await keptResult(folder, "profile", result.provenance), result);
    assert.equal(await keptResult(folder, "profile", { ...result.provenance, seed: 1 }), null);
    assert.equal(await keptResult(folder, "perplexity", result.provenance), null);
    await Deno.writeTextFile(path, "{");
    assert.equal(await keptResult(folder, "profile", result.provenance), null);
  }));

Deno.test("a model's name cannot lead out of the folder", () => {
  const { model } = provenance();
  const path = resultPath("kept", "profile", provenance(2, { model: { ...model, name: "../../a b/c" } }));
  assert.match(path, /^kept\/profile-[\w.-]+\.json$/);
});

Deno.test("writing replaces the whole file, and leaves nothing beside it", () =>
  withFolder(async (folder) => {
    await writeWhole(`${folder}/a.json`, "a long first text");
    await writeWhole(`${folder}/a.json`, "short");
    assert.equal(await Deno.readTextFile(`${folder}/a.json`), "short");
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["a.json"]);
  }));

Deno.test("a target that cannot be written is named, and nothing half-written is left", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/taken`);
    await Deno.writeTextFile(`${folder}/file`, "kept");
    const fails = (path: string) =>
      assert.rejects(() => writeResult(path, perplexity()), (error: Error) => {
        assert.ok(error.message.startsWith(`Cannot write ${path}: `), error.message);
        return true;
      });
    await fails(`${folder}/taken`); // a folder: the text is written beside it, then cannot take its place
    await fails(`${folder}/file/inside.json`); // the parent is a file
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["file", "taken"]);
    assert.equal(await Deno.readTextFile(`${folder}/file`), "kept");
  }));

Deno.test({
  name: "a disk that is full is an error, and the earlier result stays",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (folder) => {
      const path = `${folder}/kept.json`;
      await Deno.writeTextFile(path, "earlier");
      // A limit on the size of files stands for the full disk: the write fails half way, as it would there. The shell
      // ignores the signal that comes with it.
      const store = new URL("../../src/result/mod.ts", import.meta.url);
      const script = `${folder}/write.ts`;
      await Deno.writeTextFile(
        script,
        `const { writeWhole } = await import("${store}");
        await writeWhole("${path}", "x".repeat(2 ** 22)).catch((error) => console.log(error.message));`,
      );
      const limited = 'trap "" XFSZ; ulimit -f 2048; exec "$@"';
      const config = new URL("../../deno.json", import.meta.url).pathname;
      const run = [Deno.execPath(), "run", "-A", "--no-check", "--config", config, script];
      const { stdout, stderr } = await new Deno.Command("sh", { args: ["-c", limited, "sh", ...run] })
        .output();
      const said = new TextDecoder().decode(stdout);
      assert.match(said, /^Cannot write .*kept\.json: .*EFBIG/, said + new TextDecoder().decode(stderr));
      assert.equal(await Deno.readTextFile(path), "earlier");
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
        "kept.json",
        "write.ts",
      ]);
    }),
});
