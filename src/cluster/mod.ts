/** One study on many machines: the plan of its shards, one shard, what is done, and what schedulers are told. */
export { computedBy, joinStages, processorsOf } from "./gather.ts";
export { expectStudy, expectVersion, Misfit, planShards } from "./plan.ts";
export { indexList, receiptOf, receiptsOf } from "./receipts.ts";
export { runShard } from "./shard.ts";
export { kubernetesJob } from "./kubernetes.ts";
export { slurmScript } from "./slurm.ts";
export { installRay, rayPython, runTrial, stopTrial, tokenVariables } from "./trial.ts";
