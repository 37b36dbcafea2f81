/** Where a shard runs, for its receipt. */
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, hostname } from "node:os";
import process from "node:process";

/** The host, and its processor with the instructions that decide which kernels run. */
export async function machine(): Promise<{ host: string; processor: string }> {
  const model = cpus()[0]?.model.trim() || Deno.build.arch;
  const text = await readFile("/proc/cpuinfo", "utf-8").catch(() => "");
  const flags = new Set(text.match(/^flags\s*:(.*)$/m)?.[1].split(/\s+/) ?? []);
  const best = ["amx_tile", "avx512f", "avx2", "avx"].find((flag) => flags.has(flag));
  return {
    host: hostname(),
    processor: `${model}${best ? `, ${best}` : ""}, ${availableParallelism()} cores`,
  };
}

/** The largest resident memory of this process so far, in bytes. */
export function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
