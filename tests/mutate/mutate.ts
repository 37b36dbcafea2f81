/**
 * Breaks one place after another of the files named, runs the tests near them, and prints what no test saw. Works on a copy in a
 * temporary folder. Faults that change nothing are listed in `equal.json` with the reason.
 */
import { parseArgs } from "node:util";
import { dirname, join, relative, resolve } from "node:path";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { filesNear, modulesOf } from "../runner/near.ts";
import { broken, type Mutant, mutantsOf } from "./mutants.ts";
import listed from "./equal.json" with { type: "json" };

const HELP = `Usage: deno task mutate FILE|FOLDER …

Breaks one place after another of TypeScript files: comparisons turned, numbers moved, operators changed, branches and calls left out.
Runs the tests near each file, the nearest first, and prints every fault that no test saw. Exit code 1 if there is one.

  --tests PATH    run this test file in place of those near; may be given again
  --line N        only faults that begin on this line; may be given again
  --list          print the faults and run nothing
  --help          print this text
`;

/** Tests that read sources as text: they see that a fault is there, and not what it does. */
const READING = /^tests\/(?:architecture|doc|elsewhere|runner\/|mutate\/|features\/removal)/;
/** Near tests take this many ms together at most. */
const MOST = 20_000;
/** A fault that makes tests run this many times as long as before, and at least `LEAST` ms longer, counts as seen. */
const LONGER = 5;
const LEAST = 5_000;

const root = fileURLToPath(new URL("../../", import.meta.url));
let copy = "";
let running: Deno.ChildProcess | null = null;

/** What became of a file's faults. */
export interface Tally {
  readonly file: string;
  readonly mutants: number;
  seen: number;
  equal: number;
  left: number;
}

/** Copies the working tree, new files included; downloaded data is linked. */
async function copyTree(): Promise<void> {
  copy = await Deno.realPath(await Deno.makeTempDir({ prefix: "mutate-" }));
  const args = ["ls-files", "-co", "--exclude-standard", "-z"];
  const { stdout } = await new Deno.Command("git", { args, cwd: root }).output();
  for (const path of new TextDecoder().decode(stdout).split("\0").filter(Boolean)) {
    if (stopped) break;
    const isFile = await Deno.stat(join(root, path)).then((found) => found.isFile, () => false);
    if (!isFile) continue; // removed since, or linked
    await Deno.mkdir(dirname(join(copy, path)), { recursive: true });
    await Deno.copyFile(join(root, path), join(copy, path));
  }
  for await (const { name } of Deno.readDir(join(root, "data"))) {
    const path = join(copy, "data", name);
    if (await Deno.lstat(path).catch(() => null) === null) await Deno.symlink(join(root, "data", name), path);
  }
}

/** Whether tests pass in the copy, until the first that fails; false after `limit` ms. */
async function pass(tests: readonly string[], limit = 2 ** 31 - 1): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--fail-fast", "--quiet", ...tests],
    cwd: copy,
    env: { NO_COLOR: "1", OMP_NUM_THREADS: "1", DENO_V8_FLAGS: "--liftoff-only" },
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
  running = child;
  const timer = setTimeout(() => child.kill("SIGKILL"), limit);
  const { success } = await child.status;
  clearTimeout(timer);
  running = null;
  return success;
}

/** Tests of a file that pass as it is, the nearest first, and the ms that they take together. */
async function nearTests(file: string, own: readonly string[]) {
  const tests: string[] = [];
  let ms = 0;
  for (const test of own.length > 0 ? own : await reaching(file)) {
    if (own.length === 0 && ms > MOST) break;
    const begin = performance.now();
    if (await pass([test])) tests.push(test);
    else console.log(`left out ${test}: it fails without any fault`);
    ms += performance.now() - begin;
  }
  if (tests.length === 0) {
    throw new Error(
      `Cannot mutate ${file}: found no test that passes without a fault, expected at least one`,
    );
  }
  return { tests, ms };
}

async function reaching(file: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("git", { args: ["ls-files", "-co", "tests"], cwd: root })
    .output();
  const files = new TextDecoder().decode(stdout).split("\n")
    .filter((path) => path.endsWith("_test.ts") && !READING.test(path));
  const near = filesNear(files, [file], await modulesOf(files, root), root);
  const mirrors = files.filter((test) => isMirror(file, test));
  return [...new Set([...mirrors, ...near])];
}

/** Whether a test lies as a source does: tests/core/run/trie_test.ts for src/core/run/plan/trie.ts, or for a folder trie. */
export function isMirror(file: string, test: string): boolean {
  const [own, other] = [
    file.replace(/^src\//, "").replace(/\.ts$/, ""),
    test.slice("tests/".length, -"_test.ts".length),
  ];
  const last = other.split("/").at(-1)!;
  return own.startsWith(`${dirname(other)}/`) && own.split("/").includes(last);
}

/** A fault that changes nothing: its file, the text of its line, what changes, and why that is nothing. */
type Equal = { readonly [Field in "file" | "line" | "change" | "why"]: string };
const equals: readonly Equal[] = listed;

const isEqual = (file: string, { text, change }: Mutant) =>
  equals.some((one) => one.file === file && one.line === text && one.change === change);

/** Tries all faults of a file, and prints each that no test saw. */
async function tryFile(file: string, options: Options): Promise<void> {
  const script = await Deno.readTextFile(join(root, file));
  const mutants = mutantsOf(script).filter(({ line }) =>
    options.lines.length === 0 || options.lines.includes(line)
  );
  const todo = mutants.filter((mutant) => !isEqual(file, mutant));
  const tally: Tally = {
    file,
    mutants: mutants.length,
    seen: 0,
    equal: mutants.length - todo.length,
    left: 0,
  };
  tallies.push(tally);
  if (options.list) todo.forEach(({ line, change }) => console.log(`${file}:${line}: ${change}`));
  if (options.list || todo.length === 0) return;
  const { tests, ms } = await nearTests(file, options.tests);
  console.log(`${file}: ${todo.length} faults; tests: ${tests.join(" ")}`);
  for (const [done, mutant] of todo.entries()) {
    await Deno.writeTextFile(join(copy, file), broken(script, mutant));
    const seen = !await pass(tests, LEAST + LONGER * ms);
    if (stopped) return;
    tally[seen ? "seen" : "left"]++;
    if (!seen) console.log(`${file}:${mutant.line}: ${mutant.change}\n    ${mutant.text}`);
    if (done % 20 === 19) console.error(`${done + 1} of ${todo.length}, ${tally.left} not seen`);
  }
  await Deno.writeTextFile(join(copy, file), script);
}

function printTallies(): void {
  console.log("\nfaults   seen  equal   left  file");
  for (const { file, mutants, seen, equal, left } of tallies) {
    console.log(
      [mutants, seen, equal, left].map((count) => String(count).padStart(6)).join(" ") + `  ${file}`,
    );
  }
}

interface Options {
  readonly tests: readonly string[];
  readonly lines: readonly number[];
  readonly list: boolean;
}

const tallies: Tally[] = [];
let stopped = false;
let copying = Promise.resolve();

async function end(code: number): Promise<never> {
  stopped = true;
  running?.kill("SIGKILL");
  await copying; // it stops at the next file
  if (copy) await Deno.remove(copy, { recursive: true }).catch(() => {});
  printTallies();
  Deno.exit(code);
}

const fromCaller = (path: string): string => resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd(), path);

/** The scripts that paths from the caller's folder name, themselves or as folders. */
function* scriptsIn(path: string): Generator<string> {
  const absolute = fromCaller(path);
  if (!Deno.statSync(absolute).isDirectory) return yield relative(root, absolute).replaceAll("\\", "/");
  for (const { name } of Deno.readDirSync(absolute)) {
    if (name.endsWith(".ts") || !name.includes(".")) yield* scriptsIn(join(absolute, name));
  }
}

async function main(): Promise<void> {
  const list = { type: "string", multiple: true } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { ...{ tests: list, line: list, list: { type: "boolean" }, help: { type: "boolean" } } },
  });
  if (values.help || positionals.length === 0) {
    console.log(HELP);
    Deno.exit(values.help ? 0 : 2);
  }
  const missing = positionals.find((path) => !existsSync(fromCaller(path)));
  if (missing) {
    console.error(`Cannot mutate ${missing}: found no such file, expected a TypeScript file or a folder`);
    Deno.exit(2);
  }
  const files = positionals.flatMap((path) => [...scriptsIn(path)]);
  for (const signal of ["SIGINT", ...Deno.build.os === "windows" ? [] : ["SIGTERM"]] as const) {
    Deno.addSignalListener(signal as Deno.Signal, () => end(130));
  }
  const options: Options = {
    tests: (values.tests ?? []).map((test) => relative(root, fromCaller(test))),
    lines: (values.line ?? []).map(Number),
    list: values.list ?? false,
  };
  if (!options.list) copying = copyTree();
  await copying;
  if (stopped) return;
  try {
    for (const file of files) await tryFile(file, options);
  } catch (error) {
    console.error((error as Error).message);
    await end(2);
  }
  await end(tallies.some(({ left }) => left > 0) && !options.list ? 1 : 0);
}

if (import.meta.main) await main();
