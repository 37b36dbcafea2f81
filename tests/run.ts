/**
 * Runs the tests, one process for each room, as many at a time as there are cores; prints the ten slowest files and Deno's own
 * summary.
 *
 *     deno task test [FILTER …]      the tests that every change must pass, in minutes
 *     deno task test:all [FILTER …]  also the whole matrices: every family on WebGPU, every command of the documentation, …
 *
 * A filter selects rooms and files by a part of their path. Exit code 1 if a test fails or no test passes.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { type Ran, type Room, runRooms, stopRooms } from "./runner/room.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
/** Rooms that take longest, which start first. */
const LONGEST = [
  "tests/notebooks",
  "tests",
  "tests/docs",
  "tests/engine",
  "tests/run",
  "tests/commands",
  "tests/study",
  "tests/models",
  "tests/export",
  "tests/replay",
  "tests/cluster",
];
const SLOWEST = 10;
/** The end of a test's name that `thorough` (support.ts) leaves to `deno task test:all`. */
const LEFT = /deno task test:all\) \.\.\. ignored/;

/** Rooms under tests/, and the files beside them as one more, that a filter selects. */
function roomsOf(filters: readonly string[]): Room[] {
  const files = [...walk("tests")].filter((path) =>
    path.endsWith("_test.ts") && (filters.length === 0 || filters.some((filter) => path.includes(filter)))
  );
  const byRoom = Map.groupBy(
    files,
    (path) => path.split("/").slice(0, 2).join("/").replace(/\/[^/]+_test\.ts$/, ""),
  );
  const rank = (name: string) => (LONGEST.indexOf(name) + LONGEST.length + 1) % (LONGEST.length + 1);
  return [...byRoom].map(([name, files]) => ({ name, files })).sort((a, b) => rank(a.name) - rank(b.name));
}

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${root}${folder}`)) {
    if (isDirectory) yield* walk(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

/** Prints the tests that did not run, the slowest files and the summary; gives whether all is well. */
function summarise(ran: readonly Ran[], minutes: number): boolean {
  const files = ran.flatMap((room) => room.files);
  const sum = (key: "passed" | "failed" | "ignored") => files.reduce((total, file) => total + file[key], 0);
  const [passed, failed, ignored] = [sum("passed"), sum("failed"), sum("ignored")];
  const lines = ran.flatMap(({ output }) => output.match(/^.* \.\.\. ignored.*$/gm) ?? []);
  const [skipped, left] = [false, true].map((is) => lines.filter((line) => LEFT.test(line) === is));
  if (skipped.length > 0) console.log(`\nskipped:\n${skipped.map((line) => `  ${line}`).join("\n")}`);
  if (left.length > 0) console.log(`\n${left.length} tests are left to deno task test:all`);
  console.log(`\nslowest files:`);
  const timed = files.filter(({ seconds }) => seconds > 0).sort((a, b) => b.seconds - a.seconds);
  for (const { name, seconds } of timed.slice(0, SLOWEST)) {
    console.log(`  ${seconds.toFixed(1).padStart(6)} s  ${name}`);
  }
  const good = ran.every(({ succeeded }) => succeeded) && failed === 0 && passed > 0;
  const counts = `${passed} passed | ${failed} failed | ${ignored} ignored`;
  console.log(`\n${good ? "ok" : "FAILED"} | ${counts} (${minutes.toFixed(1)} min)`);
  return good;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  if (Deno.build.os === "windows" && signal === "SIGTERM") continue;
  Deno.addSignalListener(signal, () => {
    stopRooms();
    console.log(`\nFAILED | stopped by ${signal}`);
    Deno.exit(signal === "SIGINT" ? 130 : 143);
  });
}

const begin = performance.now();
const minutes = () => (performance.now() - begin) / 60_000;
const rooms = roomsOf(Deno.args);
let ended = 0;
const ran = await runRooms(rooms, root, {
  atOnce: availableParallelism(),
  onRan({ room, succeeded, output, files }) {
    const seconds = files.reduce((sum, file) => sum + file.seconds, 0);
    console.log(
      `${++ended}/${rooms.length} ${succeeded ? "ok    " : "FAILED"} ${room} (${seconds.toFixed(0)} s)`,
    );
    if (!succeeded) console.log(output);
  },
  onSilence: (rooms) => console.log(`after ${minutes().toFixed(0)} min: running ${rooms.join(", ")}`),
});
Deno.exit(summarise(ran, minutes()) ? 0 : 1);
