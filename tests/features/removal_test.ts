/** A feature is its folder, a line of the list and its lines in the public doors: without two of them the rest compiles and its lists are whole. */
import assert from "node:assert/strict";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { thorough, withFolder } from "../support.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const GONE = ["export", "compare"];
/** What is left of the lists: kinds, studies, commands. */
const LISTS = `
  import "./src/mod.ts";
  import { createProgram } from "./src/apps/cli/mod.ts";
  import { createContext } from "./src/core/command/context.ts";
  import { kindNames } from "./src/core/result/mod.ts";
  import { studies } from "./src/core/study/studies.ts";
  const commands = createProgram(createContext()).commands.map((command) => command.name());
  console.log(JSON.stringify([kindNames(), studies().map(([name]) => name), commands]));
  Deno.exit();`;

async function deno(folder: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: folder }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function listsIn(folder: string): Promise<string[][]> {
  await writeFile(join(folder, "lists.ts"), LISTS);
  return JSON.parse(await deno(folder, "run", "-A", "--quiet", "lists.ts"));
}

thorough(
  "without two features the rest compiles, and its lists are those of the others",
  () =>
    withFolder(async (folder) => {
      for (const name of ["src", "data/libraries.json", "deno.json", "deno.lock"]) {
        await cp(join(root, name), join(folder, name), { recursive: true });
      }
      const before = await listsIn(folder);
      for (const name of GONE) {
        await rm(join(folder, "src/features", name), { recursive: true });
        for (const door of ["features/mod", "mod", "figures", "results", "series", "init"]) {
          const path = join(folder, `src/${door}.ts`);
          const line = RegExp(
            `^(?:export [^;]*"\\./features/${name}/mod\\.ts";| *import\\("\\./${name}/mod\\.ts"\\),)\\n`,
            "gm",
          );
          await writeFile(path, (await readFile(path, "utf-8")).replaceAll(line, ""));
        }
      }
      await deno(folder, "check", "--quiet", "src");
      const own = [["certificate", "compare"], ["certify"], ["compare", "export"]];
      assert.deepEqual(
        await listsIn(folder),
        before.map((list, i) => list.filter((name) => !own[i].includes(name))),
      );
    }),
);
