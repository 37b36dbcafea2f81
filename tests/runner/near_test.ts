/** A change reaches tests along the names that they use and along the files and folders that strings name. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSources } from "../sources.ts";
import { withFolder } from "../support.ts";
import { printed, unless, words } from "../tools.ts";
import { changedFiles, filesNear, modulesOf } from "./near.ts";

const FILES = {
  "deno.json": "{}",
  "src/a.ts":
    'import { b } from "./b.ts";\nexport const a = () => b;\nexport type A = typeof b;\n/** Not other, as "./other.ts" is. */\nexport const alone = 1;',
  "src/b.ts": 'export const b = 1;\nexport const kernel = new URL("../kernels/x.wgsl", import.meta.url);',
  "src/mod.ts":
    'export * from "./a.ts";\nexport { b as renamed } from "./b.ts";\nexport * from "./other.ts";',
  "src/cli.ts": 'await import("./late.ts");',
  "src/late.ts": "",
  "src/list.ts": 'import "./late.ts";\nexport { b } from "./b.ts";',
  "src/other.ts": "export class other {}\nexport function unused(): void {\n  other;\n}",
  "kernels/x.wgsl": "",
  "tests/fixtures/small/x.json": "{}",
  "tests/fixtures/large/x.json": `{ "${"a".repeat(300)}/": 1 }`,
  "tests/a_test.ts": 'import { b } from "../src/b.ts";\nb;',
  "tests/kernel_test.ts": 'import { kernel } from "../src/b.ts";\nkernel;',
  "tests/alone_test.ts": 'import { alone } from "../src/mod.ts";\nalone;',
  "tests/door_test.ts": 'import {\n  a,\n} from "../src/mod.ts";\na;',
  "tests/renamed_test.ts": 'import { renamed as other } from "../src/mod.ts";\nother;',
  "tests/all_test.ts": 'import * as all from "../src/mod.ts";\nall;',
  "tests/namespace_test.ts": 'import * as all from "../src/mod.ts";\nall.alone;',
  "tests/list_test.ts": 'import { b } from "../src/list.ts";\nb;',
  "tests/process_test.ts": 'new URL("../src/cli.ts", import.meta.url);',
  "tests/fixture_test.ts":
    "const of = (name: string) => new URL(`./fixtures/small/${name}`, import.meta.url);\nof;",
  "tests/json_test.ts": 'import x from "./fixtures/large/x.json" with { type: "json" };\nx;',
  "tests/type_test.ts":
    'import type { b } from "../src/b.ts";\nimport { type A } from "../src/mod.ts";\ntype B = A;',
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
    const table: [changed: string[], reached: string[], why?: string][] = [
      [["src/a.ts"], ["all", "alone", "door", "namespace"], "what a door exports from it"],
      [
        ["src/b.ts"],
        ["a", "all", "door", "kernel", "list", "renamed"],
        "through what uses it; types reach nothing",
      ],
      [["src/other.ts"], ["all"]],
      [["kernels/x.wgsl"], ["kernel"], "a file that a declaration names"],
      [["src/late.ts"], ["list", "process"], "what a door, or a script that a test starts, runs as it loads"],
      [["tests/fixtures/small/x.json"], ["fixture"], "a file in a folder that a template names"],
      [["tests/fixtures/large/x.json"], ["json"], "an imported file, whose strings are no paths"],
      [["src/mod.ts", "gone.md"], ["all"], "who imports a door as a whole"],
      [["tests/a_test.ts"], ["a"], "the test itself"],
    ];
    for (const [changed, reached, why] of table) assert.deepEqual(near(...changed).toSorted(), reached, why);
    for (const path of ["deno.json", "src/apps/cli/mod.ts"]) {
      assert.deepEqual(near(path).length, TESTS.length);
    }
    const nearest = (count: number) => filesNear(TESTS, ["src/b.ts"], modules, root, count);
    assert.deepEqual(
      nearest(2),
      ["tests/a_test.ts", "tests/renamed_test.ts"],
      "not those that use what uses it",
    );
    assert.deepEqual(nearest(3).slice(0, 2), nearest(2));
  }));

Deno.test("a changed formula of this project reaches its own tests first, and few of the others", async () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const files = readSources(new URL("../", import.meta.url), "tests/").map(({ path }) => path)
    .filter((path) => path.endsWith("_test.ts"));
  const modules = await modulesOf(files, root);
  for (
    const [changed, ...own] of [
      ["measure/statistics/binomial", "measure/paired", "measure/statistics"],
      ["measure/streams/massive", "measure/causes"],
      ["run/plan/trie", "run/trie"],
      ["result/keeping/kept", "result/kept"],
    ]
  ) {
    const near = filesNear(files, [`src/core/${changed}.ts`], modules, root);
    const first = near.slice(0, 4);
    for (const test of own) {
      assert.ok(
        first.includes(`tests/core/${test}_test.ts`),
        `${changed} reaches ${first}, expected ${test}`,
      );
    }
    assert.ok(near.length < files.length / 8, `${near.length} of ${files.length}`);
  }
});

const hasGit = await printed("git", ["--version"]).then(() => true, () => false);

unless(hasGit ? null : "no git")(
  "changed files are those since main, committed or not, new ones too",
  () =>
    withFolder(async (root) => {
      const identity = words`-c user.name=A -c user.email=a@b.example -c commit.gpgsign=false`;
      const git = (...args: string[]) => printed("git", [...identity, ...args], { cwd: root });
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
      const unknown = /^Error: Cannot list changes: git merge-base: .*nowhere/;
      await assert.rejects(changedFiles(root, "nowhere"), unknown);
    }),
);
