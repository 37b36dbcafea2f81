/** One study on many machines: the plan of its shards, one shard, receipts, Slurm's job script. */
export { computedBy, indexList, joinStages, processorsOf, receiptOf, receiptsOf } from "./gather.ts";
export { expectStudy, expectVersion, Misfit, planShards } from "./plan.ts";
export { runShard } from "./shard.ts";
export { slurmScript } from "./slurm.ts";
