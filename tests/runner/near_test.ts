/** A change reaches tests along imports and along the files and folders that modules name. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { withFolder } from "../support.ts";
import { changedFiles, filesNear, modulesOf } from "./near.ts";

const FILES = {
  "deno.json": "{}",
  "src/a.ts": 'export { b } from "./b.ts";',
  "src/b.ts": 'export const b = 1; export const kernel = new URL("../kernels/x.wgsl", import.meta.url);',
  "src/cli.ts": 'await import("./late.ts");',
  "src/late.ts": "",
  "src/other.ts": "",
  "kernels/x.wgsl": "",
  "tests/fixtures/small/x.json": "{}",
  "tests/fixtures/large/x.json": "{}",
  "tests/a_test.ts": 'import { b } from "../src/a.ts"; b;',
  "tests/process_test.ts": 'new URL("../src/cli.ts", import.meta.url);',
  "tests/fixture_test.ts":
    "const of = (name: string) => new URL(`./fixtures/small/${name}`, import.meta.url); of;",
  "tests/type_test.ts": 'import type { b } from "../src/b.ts"; type B = typeof b;',
};
const TESTS = Object.keys(FILES).filter((path) => path.endsWith("_test.ts"));

async function write(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    await Deno.writeTextFile(join(root, path), text);
  }
}

Deno.test("tests that import, start or read a changed file are near, however far; others are not", () =>
  withFolder(async (folder) => {
    const root = join(await Deno.realPath(folder), "a b#c");
    await write(root, FILES);
    const modules = await modulesOf(TESTS, root);
    const near = (...changed: string[]) =>
      filesNear(TESTS, changed, modules, root).map((path) => path.match(/\/(\w+)_test/)![1]);
    assert.deepEqual(near("src/b.ts"), ["a", "type"]);
    assert.deepEqual(near("src/a.ts"), ["a"]);
    assert.deepEqual(near("kernels/x.wgsl"), ["a", "type"], "a file that a module names");
    assert.deepEqual(
      near("src/late.ts"),
      ["process"],
      "a script that a test starts, and what it imports late",
    );
    assert.deepEqual(
      near("tests/fixtures/small/x.json"),
      ["fixture"],
      "a file in a folder that a template names",
    );
    assert.deepEqual(near("tests/fixtures/large/x.json"), []);
    assert.deepEqual(near("src/other.ts", "gone.md"), []);
    assert.deepEqual(near("tests/a_test.ts"), ["a"], "the test itself");
    assert.deepEqual(near("deno.json").length, TESTS.length);
  }));

const hasGit = await new Deno.Command("git", { args: ["--version"], stdout: "null", stderr: "null" }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: `changed files are those since main, committed or not, new ones too${
    hasGit ? "" : " (skipped: no git)"
  }`,
  ignore: !hasGit,
  fn: () =>
    withFolder(async (root) => {
      const git = async (...args: string[]) => {
        const identity = ["-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"];
        const { success, stderr } = await new Deno.Command("git", { args: [...identity, ...args], cwd: root })
          .output();
        assert.ok(success, new TextDecoder().decode(stderr));
      };
      const commit = async (files: Readonly<Record<string, string>>) => {
        await write(root, files);
        await git("add", "-A");
        await git("commit", "-q", "-m", "a");
      };
      await git("init", "-q", "-b", "main");
      await commit({ "a.ts": "", "b.ts": "", "ü x.ts": "", ".gitignore": "ignored" });
      await git("switch", "-q", "-c", "work");
      await commit({ "a.ts": "1" });
      await write(root, { "ü x.ts": "1", "new.ts": "", "ignored": "" });
      await Deno.remove(join(root, "b.ts"));
      assert.deepEqual((await changedFiles(root)).toSorted(), ["a.ts", "b.ts", "new.ts", "ü x.ts"]);
      assert.deepEqual((await changedFiles(root, "HEAD")).toSorted(), ["b.ts", "new.ts", "ü x.ts"]);
      await assert.rejects(
        changedFiles(root, "nowhere"),
        /^Error: Cannot list changes: git merge-base: .*nowhere/,
      );
    }),
});
