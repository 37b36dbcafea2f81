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
  --seconds N     run near tests that take N seconds together at most (default 20)
  --jobs N        faults tried at the same time (default 1), each in a copy of its own
  --list          print the faults and run nothing
  --help          print this text
`;

/** Tests that read sources as text: they see that a fault is there, and not what it does. */
const READING = /^tests\/(?:architecture|doc|elsewhere|runner\/|mutate\/|features\/removal)/;
/** The nearest tests, which take this many ms together, run first, since they see most faults; the others run for what is left. */
const FIRST = 4_000;
/** A fault that makes tests run this many times as long as before, and at least `LEAST` ms longer, counts as seen. */
const LONGER = 5;
const LEAST = 5_000;

const root = fileURLToPath(new URL("../../", import.meta.url));
const copies: string[] = [];
const running = new Set<Deno.ChildProcess>();

/** What became of a file's faults. */
export interface Tally {
  readonly file: string;
  readonly mutants: number;
  seen: number;
  equal: number;
  left: number;
}

/** A copy of the working tree, new files included; downloaded data is linked. */
async function copyTree(): Promise<string> {
  const to = await Deno.realPath(await Deno.makeTempDir({ prefix: "mutate-" }));
  copies.push(to);
  const args = ["ls-files", "-co", "--exclude-standard", "-z"];
  const { stdout } = await new Deno.Command("git", { args, cwd: root }).output();
  for (const path of new TextDecoder().decode(stdout).split("\0").filter(Boolean)) {
    if (stopped) break;
    const isFile = await Deno.stat(join(root, path)).then((found) => found.isFile, () => false);
    if (!isFile) continue; // removed since, or linked
    await Deno.mkdir(dirname(join(to, path)), { recursive: true });
    await Deno.copyFile(join(root, path), join(to, path));
  }
  for await (const { name } of Deno.readDir(join(root, "data"))) {
    const path = join(to, "data", name);
    if (await Deno.lstat(path).catch(() => null) === null) await Deno.symlink(join(root, "data", name), path);
  }
  return to;
}

/** Whether tests pass in a folder, until the first that fails; false after `limit` ms. */
async function pass(folder: string, tests: readonly string[], limit = Infinity): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--fail-fast", "--quiet", ...tests],
    cwd: folder,
    env: { NO_COLOR: "1", OMP_NUM_THREADS: "1", DENO_V8_FLAGS: "--liftoff-only" },
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
  running.add(child);
  const timer = Number.isFinite(limit) ? setTimeout(() => child.kill("SIGKILL"), limit) : undefined;
  const { success } = await child.status;
  clearTimeout(timer);
  running.delete(child);
  return success;
}

/** Tests of a file that pass as it is, the nearest first, with the ms that they take. */
async function nearTests(file: string, folder: string, seconds: number, own: readonly string[]) {
  const all = own.length > 0 ? own : await reaching(file);
  const found: { readonly test: string; readonly ms: number }[] = [];
  let left = seconds * 1000;
  for (const test of all) {
    if (left <= 0) break;
    const begin = performance.now();
    const passes = await pass(folder, [test]);
    const ms = performance.now() - begin;
    if (passes) found.push({ test, ms });
    else console.log(`left out ${test}: it fails without any fault`);
    if (own.length === 0) left -= ms;
  }
  return found;
}

function inGroups<Timed extends { readonly ms: number }>(tests: readonly Timed[]): Timed[][] {
  let total = 0;
  const more = tests.findIndex(({ ms }) => (total += ms) > FIRST);
  const first = more < 0 ? tests.length : Math.max(1, more);
  return [tests.slice(0, first), tests.slice(first)].filter((group) => group.length > 0);
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

/** Tries all faults of a file; `say` gets each that no test saw. */
async function tryFile(file: string, folders: readonly string[], options: Options): Promise<Tally> {
  const script = await Deno.readTextFile(join(root, file));
  const mutants = mutantsOf(script).filter(({ line }) =>
    options.lines.length === 0 || options.lines.includes(line)
  );
  const tally: Tally = { file, mutants: mutants.length, seen: 0, equal: 0, left: 0 };
  tallies.push(tally);
  const todo = mutants.filter((mutant) => !isEqual(file, mutant));
  tally.equal = mutants.length - todo.length;
  if (options.list) todo.forEach(({ line, change }) => console.log(`${file}:${line}: ${change}`));
  if (options.list || todo.length === 0) return tally;
  const tests = await nearTests(file, folders[0], options.seconds, options.tests);
  console.log(`${file}: ${todo.length} faults; tests: ${tests.map(({ test }) => test).join(" ")}`);
  const groups = inGroups(tests);
  const begin = performance.now();
  let done = 0;
  const isSeen = async (folder: string, mutant: Mutant) => {
    await Deno.writeTextFile(join(folder, file), broken(script, mutant));
    for (const group of groups) {
      const limit = LEAST + LONGER * group.reduce((sum, { ms }) => sum + ms, 0);
      if (!await pass(folder, group.map(({ test }) => test), limit)) return true;
    }
    return false;
  };
  const queue = todo.values();
  await Promise.all(folders.map(async (folder) => {
    for (const mutant of queue) {
      const seen = await isSeen(folder, mutant);
      if (stopped) return;
      tally[seen ? "seen" : "left"]++;
      if (!seen) console.log(`${file}:${mutant.line}: ${mutant.change}\n    ${mutant.text}`);
      const minutes = (performance.now() - begin) / 60_000 / ++done * (todo.length - done);
      progress(`${done} of ${todo.length}, ${tally.left} not seen, ${minutes.toFixed(1)} min left`, done);
    }
    await Deno.writeTextFile(join(folder, file), script);
  }));
  return tally;
}

/** On a terminal the line is replaced; elsewhere every 20th is printed. */
function progress(line: string, done: number): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r${line}\x1b[K\r`));
  else if (done % 20 === 0) console.error(line);
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
  readonly seconds: number;
  readonly list: boolean;
}

const tallies: Tally[] = [];
let stopped = false;
let copying: Promise<string[]> = Promise.resolve([]);

async function end(code: number): Promise<never> {
  stopped = true;
  for (const child of running) child.kill("SIGKILL");
  await copying; // it stops at the next file
  for (const folder of copies) await Deno.remove(folder, { recursive: true }).catch(() => {});
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
    options: {
      ...{
        tests: list,
        line: list,
        seconds: { type: "string", default: "20" },
        jobs: { type: "string", default: "1" },
      },
      ...{ list: { type: "boolean" }, help: { type: "boolean" } },
    },
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
    seconds: Number(values.seconds),
    list: values.list ?? false,
  };
  copying = Promise.all(Array.from({ length: options.list ? 0 : Number(values.jobs) }, copyTree));
  const folders = await copying;
  if (stopped) return;
  try {
    for (const file of files) await tryFile(file, folders, options);
  } catch (error) {
    console.error((error as Error).message);
    await end(2);
  }
  await end(tallies.some(({ left }) => left > 0) && !options.list ? 1 : 0);
}

if (import.meta.main) await main();
