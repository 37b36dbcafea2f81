/** One shard: the earlier stages are joined, its units are computed, and its receipt is written last. */
import { join } from "node:path";
import {
  head,
  keepingFailure,
  type Receipt,
  recordKept,
  type Shard,
  type Shards,
  writeResult,
} from "../result/mod.ts";
import { computedOn, type Division, type ShardOptions } from "../study/mod.ts";
import { joinStages } from "./gather.ts";
import { expectStudy } from "./plan.ts";
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, hostname } from "node:os";
import process from "node:process";

/** Computes a shard and keeps its results. Throws if not everything could be kept. */
export async function runShard(
  plan: Shards,
  shard: Shard,
  division: Division,
  options: ShardOptions,
): Promise<Receipt> {
  expectStudy(plan, division);
  const start = performance.now();
  await joinStages(plan, division, shard.stage, options);
  const { from, to, stage, name } = shard;
  const kept = await recordKept(async () => void await division.stages[stage].run({ from, to }, options));
  const failure = keepingFailure(options.results);
  if (failure) throw failure;
  const receipt: Receipt = {
    ...head("shard"),
    key: plan.key,
    shard: { stage, name, from, to },
    model: { name: division.model.name, fingerprint: division.model.fingerprint },
    computed: await computedOn(options),
    files: [...kept.keys()].sort(),
    made: [...kept.values()].filter((how) => how === "made").length,
    ...await machine(),
    seconds: (performance.now() - start) / 1000,
    peakBytes: peakBytes(),
  };
  await writeResult(join(options.results, shard.file), receipt);
  return receipt;
}

/** The host, and its processor with the instructions that decide which kernels run. */
async function machine(): Promise<{ host: string; processor: string }> {
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
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
