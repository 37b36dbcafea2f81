/** What of a mapped file is in memory (Linux). */
import assert from "node:assert/strict";

/** Bytes of a file's mappings in this process that are in memory. */
export async function residentBytes(path: string): Promise<number> {
  const maps = await Deno.readTextFile("/proc/self/smaps");
  const own = maps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).filter((map) => map.split("\n")[0].endsWith(path));
  assert.ok(own.length > 0, "not mapped");
  return own.reduce((sum, map) => sum + 1024 * Number(map.match(/^Rss:\s+(\d+) kB$/m)![1]), 0);
}
