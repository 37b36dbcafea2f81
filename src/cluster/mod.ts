/** One study on many machines: the plan of its shards, one shard, receipts, Slurm's job script. */
export * from "./plan.ts";
export * from "./shard.ts";
export * from "./slurm.ts";
