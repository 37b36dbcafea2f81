/**
 * All tests, one process for each room, as many at a time as there are cores, then the ten slowest files and Deno's own summary.
 *
 *     deno task test [FILTER …]      what a change should not break, in minutes
 *     deno task test:all [FILTER …]  also the whole matrices: every family on WebGPU, every command of the documentation, …
 *
 * A filter selects rooms and files by a part of their path. Exit code 1 if a test fails or none ran.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { SaxesParser } from "saxes";

/** What a process of tests left. */
interface Ran {
  readonly group: string;
  readonly code: number;
  readonly output: string;
  readonly files: readonly File[];
}

/** A file's tests: their number by outcome, and seconds. */
interface File {
  readonly name: string;
  readonly tests: number;
  readonly failed: number;
  readonly ignored: number;
  readonly seconds: number;
}

const root = fileURLToPath(new URL("../", import.meta.url));
/** Groups that take longest, to be started first. */
const LONGEST = [
  "tests/notebooks",
  "tests/docs",
  "tests/run",
  "tests/study",
  "tests/export",
  "tests/cluster",
];
const SLOWEST = 10;

/** Rooms under tests/, and the files beside them as one more, that a filter selects. */
function groups(filters: readonly string[]): [name: string, files: string[]][] {
  const files = [...walk("tests")].filter((path) =>
    path.endsWith("_test.ts") && (filters.length === 0 || filters.some((filter) => path.includes(filter)))
  );
  const byRoom = Map.groupBy(
    files,
    (path) => path.split("/").slice(0, 2).join("/").replace(/\/[^/]+_test\.ts$/, ""),
  );
  const rank = (name: string) => (LONGEST.indexOf(name) + LONGEST.length + 1) % (LONGEST.length + 1);
  return [...byRoom].sort(([a], [b]) => rank(a) - rank(b));
}

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${root}${folder}`)) {
    if (isDirectory) yield* walk(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

async function run(group: string, files: readonly string[]): Promise<Ran> {
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", `--junit-path=${report}`, ...files],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return {
      group,
      code,
      output: text(stdout) + text(stderr),
      files: filesOf(await Deno.readTextFile(report)),
    };
  } finally {
    await Deno.remove(report);
  }
}

/** Reads a JUnit report: a suite for each file; the steps of a test are cases beside it, "test > step", within its time. */
function filesOf(xml: string): File[] {
  const files: { -readonly [Key in keyof File]: File[Key] }[] = [];
  const parser = new SaxesParser();
  parser.on("opentag", ({ name, attributes }) => {
    const count = (key: string) => Number(attributes[key] ?? 0);
    if (name === "testsuite") {
      files.push({
        name: attributes.name.replace(/^\.\//, ""),
        tests: count("tests"),
        failed: count("failures") + count("errors"),
        ignored: count("disabled"),
        seconds: 0,
      });
    } else if (name === "testcase" && !attributes.name.includes(" > ")) {
      files.at(-1)!.seconds += count("time");
    }
  });
  if (xml !== "") parser.write(xml).close();
  return files;
}

/** Runs the groups, `at` a time; reports each as it ends. */
async function runAll(todo: [string, string[]][], at: number): Promise<Ran[]> {
  const done: Ran[] = [];
  const total = todo.length;
  const next = async (): Promise<void> => {
    const [group, files] = todo.shift() ?? [];
    if (group === undefined) return;
    const ran = await run(group, files!);
    done.push(ran);
    const seconds = ran.files.reduce((sum, file) => sum + file.seconds, 0);
    console.log(
      `${done.length}/${total} ${ran.code === 0 ? "ok    " : "FAILED"} ${group} (${seconds.toFixed(0)} s)`,
    );
    if (ran.code !== 0) console.log(ran.output);
    await next();
  };
  await Promise.all(Array.from({ length: at }, next));
  return done;
}

const begin = performance.now();
const ran = await runAll(groups(Deno.args), availableParallelism());
const files = ran.flatMap((group) => group.files);
const sum = (key: "tests" | "failed" | "ignored") => files.reduce((total, file) => total + file[key], 0);
const skipped = ran.flatMap(({ output }) => output.match(/^.* \.\.\. ignored.*$/gm) ?? []);
if (skipped.length > 0) console.log(`\nskipped:\n${skipped.map((line) => `  ${line}`).join("\n")}`);
console.log(`\nslowest files:`);
for (const { name, seconds } of files.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST)) {
  console.log(`  ${seconds.toFixed(1).padStart(6)} s  ${name}`);
}
const [failed, ignored] = [sum("failed"), sum("ignored")];
const passed = sum("tests") - failed - ignored;
const good = ran.every(({ code }) => code === 0) && failed === 0 && passed > 0;
const minutes = (performance.now() - begin) / 60_000;
console.log(
  `\n${good ? "ok" : "FAILED"} | ${passed} passed | ${failed} failed | ${ignored} ignored (${
    minutes.toFixed(1)
  } min)`,
);
Deno.exit(good ? 0 : 1);
