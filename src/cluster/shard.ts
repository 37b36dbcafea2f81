/** One shard: what it needs of earlier stages is joined, its units are computed, and its receipt is written last. */
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
import { machine, peakBytes } from "./machine.ts";
import { expectStudy } from "./plan.ts";

/** Computes a shard and keeps what comes of it. Throws where not everything could be kept. */
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
