/**
 * Seconds of test files: `tests/seconds.json`, which `deno task test --seconds` rewrites, and `tests/seconds_all.json`, which `deno task
 * test:all --seconds` does.
 */
import { join } from "node:path";
import type { Item, Seconds } from "./item.ts";
import type { Ran } from "./queue.ts";
import { isThorough } from "../tools.ts";

const FILE = isThorough ? "tests/seconds_all.json" : "tests/seconds.json";

/** The recorded seconds; none where there is no record. */
export async function readSeconds(root: string): Promise<Seconds> {
  try {
    return JSON.parse(await Deno.readTextFile(join(root, FILE)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

/** Records the seconds of all files that ran. */
export async function writeSeconds(
  items: readonly Pick<Item, "name" | "files">[],
  ran: readonly Ran[],
  root: string,
): Promise<void> {
  const text = JSON.stringify(secondsOf(items, ran), null, 2) + "\n";
  await Deno.writeTextFile(join(root, FILE), text);
}

/**
 * Whole seconds of each file, sorted by name. What a process took beside the tests that its report gives to
 * files (start, imports, tests that a shared module registers) is divided equally.
 */
export function secondsOf(items: readonly Pick<Item, "name" | "files">[], ran: readonly Ran[]): Seconds {
  const entries = items.flatMap(({ name, files }) => {
    const { seconds, files: reports } = ran.find(({ item }) => item === name)!;
    const own = files.map((file) =>
      reports.filter((report) => report.name === file).reduce((sum, report) => sum + report.seconds, 0)
    );
    const rest = Math.max(0, seconds - own.reduce((sum, seconds) => sum + seconds, 0)) / files.length;
    return files.map((file, i) => [file, Math.round(own[i] + rest)] as const);
  });
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
}
