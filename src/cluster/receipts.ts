/** Which shards of a plan are done: those whose receipt lies in the folder of results, with all results that it names. */
import { isKept, type Receipt, resultIn, type Shard, type Shards } from "../result/mod.ts";

/** The receipt of a shard that is done; null for one that is not, or whose results are not whole. */
export async function receiptOf({ key }: Shards, shard: Shard, results: string): Promise<Receipt | null> {
  const receipt = await resultIn(results, shard.file, "shard").catch(() => null);
  if (receipt === null || receipt.key !== key) return null;
  const { stage, from, to } = receipt.shard;
  if (stage !== shard.stage || from !== shard.from || to !== shard.to) return null;
  const whole = await Promise.all(receipt.files.map((file) => isKept(results, file)));
  return whole.every(Boolean) ? receipt : null;
}

/** All receipts that are there, by index, and the shards that are not done. */
export async function receiptsOf(
  plan: Shards,
  results: string,
): Promise<{ done: Map<number, Receipt>; missing: Shard[] }> {
  const done = new Map<number, Receipt>();
  const missing: Shard[] = [];
  for (const shard of plan.shards) {
    const receipt = await receiptOf(plan, shard, results);
    if (receipt) done.set(shard.index, receipt);
    else missing.push(shard);
  }
  return { done, missing };
}

/** Indices as a scheduler takes them: "0,2-4". */
export function indexList(indices: readonly number[]): string {
  const sorted = indices.toSorted((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const index of sorted) {
    const last = runs.at(-1);
    if (last && index === last[1] + 1) last[1] = index;
    else runs.push([index, index]);
  }
  return runs.map(([from, to]) => from === to ? from : `${from}-${to}`).join(",");
}
