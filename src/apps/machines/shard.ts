/** One shard: what earlier shards kept is joined, its units are computed, its receipt is written last. */
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  type Computed,
  computedAlike,
  head,
  isKept,
  keepingFailure,
  type Receipt,
  receiptKind,
  recordKept,
  resultIn,
  resultText,
  type Shard,
  type Shards,
} from "core/result/mod.ts";
import { writeWhole } from "core/disk/mod.ts";
import { computedOn } from "core/study/options.ts";
import { Missing } from "core/study/scope.ts";
import type { Division } from "core/study/study.ts";
import type { ShardOptions } from "core/study/stage.ts";
import { expectStudy, spansIn } from "./plan.ts";

/** Computes a shard and keeps its results. Throws if not everything could be kept. */
export async function runShard(
  plan: Shards,
  shard: Shard,
  division: Division,
  options: ShardOptions,
): Promise<Receipt> {
  expectStudy(plan, division);
  const start = performance.now();
  const { from, to, stage, name } = shard;
  const kept = await recordKept(() => division.stages[stage].run({ from, to }, options)).catch((error) => {
    if (!(error instanceof Missing)) throw error;
    const shards = shardsOf(plan, error);
    const { unit } = division.stages[error.stage];
    const message = `Cannot join shards ${indexList(shards)} (${unit}): ${error.message}`;
    throw new Error(message, { cause: error });
  });
  const failure = keepingFailure(options.results);
  if (failure) throw failure;
  const receipt: Receipt = {
    ...head(receiptKind),
    key: plan.key,
    shard: { stage, name, from, to },
    model: { name: division.model.name, fingerprint: division.model.fingerprint },
    computed: await computedOn(options),
    files: [...kept.keys()].sort(),
    made: [...kept.values()].filter((how) => how === "made").length,
    ...await machine(),
    seconds: (performance.now() - start) / 1000,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
  await writeWhole(join(options.results, shard.file), resultText(receipt));
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

/** The indices of shards that were to compute some spans of a stage. */
export function shardsOf(plan: Shards, { stage, spans }: Pick<Missing, "stage" | "spans">): number[] {
  return spansIn(plan, stage).filter(({ from }) => spans.some((span) => span.from === from))
    .map(({ index }) => index);
}

/** The engine that computed all shards. Throws `TypeError` where they were computed by different engines or precisions. */
export function computedBy(receipts: ReadonlyMap<number, Receipt>): Computed {
  const [[first, { computed }], ...rest] = receipts;
  const [index, other] = rest.find(([, receipt]) => !computedAlike(computed, receipt.computed)) ?? [];
  if (!other) return computed;
  throw new TypeError(
    `Cannot merge shards ${first} and ${index}: they were computed by ${words(computed)} and by ${
      words(other.computed)
    }, expected one engine for all; set \`engine\` and \`precision\` when making the plan`,
  );
}

/** The processors that shards ran on, each with its shards. */
export function processorsOf(receipts: ReadonlyMap<number, Receipt>): Map<string, number[]> {
  const kinds = Map.groupBy(receipts, ([, { processor }]) => processor.replace(/, \d+ cores$/, ""));
  return new Map(kinds.entries().map(([kind, own]) => [kind, own.map(([index]) => index)]));
}

function words({ engine, dtype, runtime, device }: Computed): string {
  return `${engine} in ${dtype} (${runtime}${device === undefined ? "" : `, ${device}`})`;
}

/** The receipt of a shard that is done; null for one that is not, or whose results are not whole. */
export async function receiptOf({ key }: Shards, shard: Shard, results: string): Promise<Receipt | null> {
  const receipt = await resultIn(results, shard.file, receiptKind).catch(() => null);
  if (receipt === null || receipt.key !== key) return null;
  const { stage, from, to } = receipt.shard;
  if (stage !== shard.stage || from !== shard.from || to !== shard.to) return null;
  const whole = await Promise.all(receipt.files.map((file) => isKept(results, file)));
  return whole.every(Boolean) ? receipt : null;
}

/** All receipts by index, and the shards that are not done. */
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
  const starts = sorted.filter((index, i) => index - 1 !== sorted[i - 1]);
  const ends = sorted.filter((index, i) => index + 1 !== sorted[i + 1]);
  return starts.map((from, i) => from === ends[i] ? from : `${from}-${ends[i]}`).join(",");
}
