/** What is kept of an earlier state of the code, and what of it is no longer so. */
import type { Exports } from "./exports.ts";
import type { Recorded } from "./graphs.ts";
import type { Division, Kept } from "./kept.ts";
import { shortHash } from "./record.ts";

/** `tests/fixtures/replay.json`. */
export interface Replay {
  /** What the graphs are that studies compile, by hash. */
  readonly graphs: Readonly<Record<string, string>>;
  /** The graphs of each fixture: those that studies compile, with how often each runs; those that are built for each lowering. */
  readonly recorded: Readonly<Record<string, Recorded>>;
  readonly built: Readonly<Record<string, Recorded>>;
  readonly exports: Readonly<Record<string, Exports>>;
  /** Hashes of the golden results, by name. */
  readonly results: Readonly<Record<string, string>>;
  readonly divisions: Readonly<Record<string, Division>>;
  readonly kept: Kept;
}

export const replayFile = new URL("../fixtures/replay.json", import.meta.url);

/** The golden results as they are committed. */
export async function goldenHashes(): Promise<Record<string, string>> {
  const text = await Deno.readTextFile(new URL("../fixtures/results.json", import.meta.url));
  const results: Record<string, unknown> = JSON.parse(text);
  return Object.fromEntries(
    Object.entries(results).map(([name, result]) => [name, shortHash(JSON.stringify(result))]),
  );
}

/** Lists that differ, a line for each entry that is gone or new, with what `nameOf` makes of it. */
export function changes(
  before: Readonly<Record<string, readonly string[]>>,
  now: Readonly<Record<string, readonly string[]>>,
  nameOf: (entry: string) => string = (entry) => entry,
): string[] {
  const labels = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return labels.flatMap((label) => {
    const [was, is] = [new Set(before[label] ?? []), new Set(now[label] ?? [])];
    return [
      ...[...was.difference(is)].map((entry) => `${label}: gone: ${nameOf(entry)}`),
      ...[...is.difference(was)].map((entry) => `${label}: new: ${nameOf(entry)}`),
    ];
  });
}

/** Says of `HASH×RUNS` which graph that is. */
export function graphName(names: ReadonlyMap<string, string>): (entry: string) => string {
  return (entry) => `${entry} ${names.get(entry.split("×")[0]) ?? ""}`.trimEnd();
}
