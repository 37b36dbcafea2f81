/** The test files that a change reaches: along imports, and along the paths of files and folders that modules name in strings. */
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { statSync } from "node:fs";
import { groupModule } from "./group.ts";

/** Files that decide how every test runs. */
const EVERYWHERE = ["deno.json", "deno.lock"];

/** A module: its path from the root, the modules that it imports, and its text. */
export interface Module {
  readonly path: string;
  readonly imports: readonly string[];
  readonly text: string;
}

/** Files changed since the commit where `since` and HEAD part, committed or not; without `since`, where main does. */
export async function changedFiles(root: string, since?: string): Promise<string[]> {
  const git = async (...args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command("git", { args, cwd: root }).output();
    if (!success) {
      throw new Error(`Cannot list changes: git ${args[0]}: ${new TextDecoder().decode(stderr).trim()}`);
    }
    return new TextDecoder().decode(stdout);
  };
  const baseOf = async (ref: string) => (await git("merge-base", ref, "HEAD")).trim();
  const base = since === undefined
    ? await baseOf("main").catch(() => baseOf("origin/main")).catch(() => "HEAD")
    : await baseOf(since);
  const lists = await Promise.all([
    git("diff", "--name-only", "--no-renames", "--relative", "-z", base),
    git("ls-files", "--others", "--exclude-standard", "-z"),
  ]);
  return [...new Set(lists.flatMap((list) => list.split("\0")).filter(Boolean))];
}

/** The modules that test files import, and those that modules name in strings, as scripts of a process. */
export async function modulesOf(files: readonly string[], root: string): Promise<Module[]> {
  const modules = await graphOf(files, root);
  const known = new Set(modules.map(({ path }) => path));
  const scripts = modules.flatMap((module) => pathsIn(module, root)).filter((path) =>
    /\.m?[jt]s$/.test(path) && !known.has(path)
  );
  return scripts.length === 0 ? modules : modulesOf([...new Set([...files, ...scripts])], root);
}

async function graphOf(files: readonly string[], root: string): Promise<Module[]> {
  const folder = await Deno.makeTempDir();
  try {
    const entry = join(folder, "entry.ts");
    await Deno.writeTextFile(entry, groupModule(files, root));
    const args = ["info", "--json", `--config=${join(root, "deno.json")}`, entry];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: root, stderr: "null" }).output();
    const { modules }: Graph = JSON.parse(new TextDecoder().decode(stdout));
    const own = modules.filter(({ specifier, local }) =>
      local !== undefined && specifier.startsWith("file:")
    );
    return await Promise.all(own.map(async ({ specifier, local, dependencies = [] }) => ({
      path: pathFrom(root, specifier),
      imports: dependencies.flatMap(({ code, type }) =>
        [code, type].flatMap((to) => to?.specifier?.startsWith("file:") ? [pathFrom(root, to.specifier)] : [])
      ),
      text: await Deno.readTextFile(local!).catch(() => ""),
    })));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What `deno info --json` says. */
interface Graph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly local?: string;
    readonly dependencies?: readonly { readonly code?: Target; readonly type?: Target }[];
  }[];
}
interface Target {
  readonly specifier?: string;
}

/** The test files among `files` that reach a changed file. */
export function filesNear(
  files: readonly string[],
  changed: readonly string[],
  modules: readonly Module[],
  root: string,
): string[] {
  if (changed.some((path) => EVERYWHERE.includes(path))) return [...files];
  const next = new Map(modules.map((module) => [module.path, [...module.imports, ...pathsIn(module, root)]]));
  const isChanged = (path: string) => changed.some((file) => file === path || file.startsWith(`${path}/`));
  return files.filter((file) => {
    const seen = new Set([file]);
    for (const path of seen) { // grows as it is walked
      if (isChanged(path)) return true;
      next.get(path)?.forEach((to) => seen.add(to));
    }
    return false;
  });
}

/**
 * Files and folders that strings of a module name, from its own folder or from the root; of a template, what comes before its first
 * value. Not a folder that the module itself lies in.
 */
function pathsIn({ path, text }: Module, root: string): string[] {
  const strings = [...text.matchAll(/(["'`])([^"'`\n$\\]*[./][^"'`\n$\\]*)(?:\1|\$\{)/g)].map((
    [, , string],
  ) => string);
  const paths = [...new Set(strings)].flatMap((string) =>
    [join(root, dirname(path), string), join(root, string)]
      .filter((absolute) => statSync(absolute, { throwIfNoEntry: false }) !== undefined)
      .map((absolute) => slashed(relative(root, absolute)).replace(/\/$/, ""))
  );
  return paths.filter((found) => found !== "" && !found.startsWith("..") && !path.startsWith(`${found}/`));
}

function pathFrom(root: string, url: string): string {
  return slashed(relative(root, fileURLToPath(url)));
}

function slashed(path: string): string {
  return path.replaceAll("\\", "/");
}
