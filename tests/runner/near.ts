/**
 * The test files that a change reaches: along the names that declarations use, through doors that export them from elsewhere, and along
 * the paths of files and folders that strings name. The layout that `deno fmt` gives tells where declarations start, so that no parser
 * is needed. Types reach nothing, since they change no outcome, and neither does what a module computes while it loads for others.
 * Everything that shows a number reaches a formula, so a changed file takes the tests that reach it in the fewest steps.
 */
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { existsSync } from "node:fs";
import { groupModule } from "./group.ts";

/** Files and folders that decide how every test runs, and the command line, through which people start everything. */
const EVERYWHERE = ["deno.json", "deno.lock", "src/apps/cli/"];
const SCRIPT = /\.m?[jt]s$/;

/** A module: its path from the root, the modules that it imports by the names it has for them, and its text without comments. */
export interface Module {
  readonly path: string;
  readonly imports: Readonly<Record<string, string>>;
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
  const scripts = modules.flatMap(({ path, text }) => pathsIn(path, text, root)).filter((path) =>
    SCRIPT.test(path) && !known.has(path)
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
      imports: Object.fromEntries(
        dependencies.flatMap(({ specifier, code }) =>
          code?.specifier?.startsWith("file:") ? [[specifier, pathFrom(root, code.specifier)]] : []
        ),
      ),
      text: SCRIPT.test(local!) ? uncommented(await Deno.readTextFile(local!)) : "",
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
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
    }[];
  }[];
}

/** Test files that a changed file takes: those that reach it in the fewest steps. */
const NEAREST = 20;

/** The test files among `files` that are near a changed file, the nearest first. */
export function filesNear(
  files: readonly string[],
  changed: readonly string[],
  modules: readonly Module[],
  root: string,
  nearest = NEAREST,
): string[] {
  if (changed.some((path) => EVERYWHERE.some((start) => path.startsWith(start)))) return [...files];
  const users = usersIn(files, modules, root);
  const near = new Map<string, number>();
  for (const path of changed) {
    const reached = [...stepsFrom(path, users)].filter(([node]) => node.endsWith("#*"))
      .map(([node, steps]) => ({ file: node.slice(0, -2), steps }))
      .filter(({ file }) => files.includes(file))
      .sort((a, b) => a.steps - b.steps || alike(path, b.file) - alike(path, a.file));
    for (const { file, steps } of reached.slice(0, nearest)) {
      near.set(file, Math.min(steps, near.get(file) ?? Infinity));
    }
  }
  return [...near].sort(([, a], [, b]) => a - b).map(([file]) => file);
}

/** The number of folders that a test has in common with a source, since tests lie as the sources do. */
function alike(path: string, test: string): number {
  const [own, other] = [path, test].map((file) => dirname(file).split("/").slice(1));
  const differs = own.findIndex((folder, i) => folder !== other[i]);
  return differs < 0 ? own.length : differs;
}

/** The declarations that test files reach, each with those that use it. */
function usersIn(files: readonly string[], modules: readonly Module[], root: string): Map<string, string[]> {
  const nextOf = walker(modules, root);
  const users = new Map<string, string[]>(files.map((file) => [`${file}#*`, []]));
  for (const node of users.keys()) { // grows while it is walked
    for (const to of nextOf(node)) {
      if (users.has(to)) users.get(to)!.push(node);
      else users.set(to, [node]);
    }
  }
  return users;
}

/** The declarations that use a changed file, with the number of steps from each to it; a folder is as far as it lies above. */
function stepsFrom(changed: string, users: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const levels: string[][] = [];
  for (const node of users.keys()) {
    const [path] = node.split("#");
    if (changed !== path && !changed.startsWith(`${path}/`)) continue;
    (levels[changed.slice(path.length).split("/").length - 1] ??= []).push(node);
  }
  const steps = new Map<string, number>();
  for (let at = 0; at < levels.length; at++) { // grows while it is walked
    for (const node of levels[at] ?? []) {
      if (steps.has(node)) continue;
      steps.set(node, at);
      (levels[at + 1] ??= []).push(...users.get(node)!);
    }
  }
  return steps;
}

/** What a module declares, imports and exports from elsewhere. The declaration "" is what runs as the module loads. */
interface Outline {
  readonly parts: ReadonlyMap<string, string>;
  readonly types: ReadonlySet<string>;
  /** By the name here: `path#name` there. */
  readonly imported: ReadonlyMap<string, string>;
  readonly exported: ReadonlyMap<string, string>;
  /** Modules of which everything is exported, and those that are imported for what they do. */
  readonly doors: readonly string[];
  readonly run: readonly string[];
}

/** From a declaration, `path#name`, or all of a module, `path#*`, to what it uses; from another path to nothing. */
function walker(modules: readonly Module[], root: string): (node: string) => string[] {
  const known = new Map(modules.map((module) => [module.path, module]));
  const outlines = new Map(modules.map((module) => [module.path, outlineOf(module)]));
  /** Where a name that a module exports is declared: nowhere for a type, null for a name that is not found. */
  const find = (node: string): string[] | null => {
    const [path, name] = node.split("#");
    const outline = outlines.get(path);
    if (!outline || name === "*" || outline.parts.has(name)) return [node];
    const from = outline.exported.get(name) ?? outline.imported.get(name);
    if (from) return find(from);
    if (outline.types.has(name)) return [];
    return outline.doors.reduce<string[] | null>((found, door) => found ?? find(`${door}#${name}`), null);
  };
  const declared = (node: string) => find(node) ?? [`${node.split("#")[0]}#*`];
  /** What a door does as it loads, as those do that register what lies behind them. */
  const loading = (node: string) => {
    const [path] = node.split("#");
    const { parts, run } = outlines.get(path) ?? { parts: new Map(), run: [] };
    return run.length > 0 || /\w/.test(parts.get("") ?? "") ? [`${path}#`] : [];
  };
  return (node) => {
    const [path, name] = node.split("#");
    const outline = outlines.get(path);
    if (!outline) return [];
    const { parts, imported, exported, doors, run } = outline;
    if (name === "*") {
      const own = [...parts.keys()].map((part) => `${path}#${part}`);
      return [...own, ...[...exported.values()].flatMap(declared), ...doors.map((door) => `${door}#*`)];
    }
    const text = parts.get(name) ?? "";
    const words = [...new Set(text.match(/[\w$]+/g))];
    const late = [...text.matchAll(/\bimport\(\s*"([^"]+)"/g)].map(([, to]) => known.get(path)!.imports[to]);
    return [
      ...name === "" ? run.map((to) => `${to}#*`) : [`${path}#`],
      ...words.filter((word) => parts.has(word)).map((word) => `${path}#${word}`),
      ...words.flatMap((word) => usesOf(word, imported.get(word), text))
        .flatMap((to) => [...declared(to), ...loading(to)]),
      ...late.filter(Boolean).map((to) => `${to}#*`),
      ...pathsIn(path, text, root).map((to) => `${to}#*`),
    ];
  };
}

/** What a text uses of an imported name: of a module as one name, the names behind its dots, or all of it. */
function usesOf(name: string, to: string | undefined, text: string): string[] {
  if (!to?.endsWith("#*")) return to ? [to] : [];
  const uses = text.matchAll(
    new RegExp(`(?<![\\w$.])${RegExp.escape(name)}(?![\\w$])(?:\\.([\\w$]+))?`, "g"),
  );
  return [...new Set(uses.map(([, used]) => used ? `${to.slice(0, -1)}${used}` : to))];
}

/** A declaration: whether it is a type, and its name or names. */
const DECLARATION =
  /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:async )?(?:(interface|type)|function\*?|const|let|class|enum|namespace) ([\w$]+|[[{][^=]*[\]}](?=[:=\s]))/;
/** An import or export from elsewhere: types only, the default, the module as one name, all of it, a list, the module. */
const FROM =
  /^(import|export) (?:(type )?([\w$]+,? ?)?(?:\* as ([\w$]+)|(\*)|\{([^}]*)\})? ?from )?"([^"]+)"/;

/** Where a statement starts: text of a template, which may look like one, then counts as what runs at load. */
const STATEMENT =
  /^(?=(?:export|import|declare|abstract|async|interface|type|function|const|let|class|enum|namespace|for|if|await|try|while|switch)\b|[\w$.]+(?:\(| \+?=))/m;

function outlineOf({ text, imports }: Module): Outline {
  const [parts, types, imported, exported] = [new Map([["", ""]]), new Set<string>(), new Map(), new Map()];
  const [doors, run]: string[][] = [[], []];
  for (const statement of text.split(STATEMENT)) {
    const [all = "", verb, type, whole, namespace, star, list, specifier] = statement.match(FROM) ?? [];
    const [, isType, names] = statement.match(DECLARATION) ?? [];
    const path = imports[specifier];
    if (isType) types.add(names);
    for (const name of isType ? [] : names?.match(/[\w$]+/g) ?? [""]) {
      parts.set(name, (parts.get(name) ?? "") + statement.slice(all.length));
    }
    if (!path || type) continue;
    const into = verb === "import" ? imported : exported;
    if (star) doors.push(path);
    if (!whole && !namespace && !star && list === undefined) run.push(path);
    for (const name of [whole?.match(/[\w$]+/)?.[0], namespace]) if (name) into.set(name, `${path}#*`);
    for (const item of list?.split(",") ?? []) {
      const [name, as = name] = item.trim().split(" as ");
      if (name && !name.startsWith("type ")) into.set(as, `${path}#${name}`);
    }
  }
  return { parts, types, imported, exported, doors, run };
}

/**
 * Files and folders that strings of a module name, from its own folder or from the root; of a template, what comes before its first
 * value. Not a folder that the module itself lies in.
 */
function pathsIn(path: string, text: string, root: string): string[] {
  const strings = text.matchAll(/(["'`])([^"'`\n$\\]*[./][^"'`\n$\\]*)(?:\1|\$\{)/g);
  const paths = [...new Set(strings.map(([, , string]) => string))].flatMap((string) =>
    [join(root, dirname(path), string), join(root, string)].filter((absolute) => existsSync(absolute))
      .map((absolute) => slashed(relative(root, absolute)).replace(/\/$/, ""))
  );
  return paths.filter((found) => found !== "" && !found.startsWith("..") && !path.startsWith(`${found}/`));
}

/** A script without its comments; what only looks like one in a string goes too. */
const uncommented = (text: string) => text.replace(/^\s*\/\*[^]*?\*\/|(?:^|\s)\/\/ .*$/gm, "");

const pathFrom = (root: string, url: string): string => slashed(relative(root, fileURLToPath(url)));

const slashed = (path: string): string => path.replaceAll("\\", "/");
