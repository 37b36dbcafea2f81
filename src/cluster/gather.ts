/** From shards that are done to what the undivided study finds kept. */
import { type Computed, computedAlike, keepingFailure, type Receipt, type Shards } from "../result/mod.ts";
import { type Division, NotKept, type ShardOptions } from "../study/mod.ts";
import { indexList } from "./receipts.ts";
import { spansIn } from "./plan.ts";

/** Joins the shards of the stages before `end`. */
export async function joinStages(
  plan: Shards,
  division: Division,
  end: number,
  { onNotice: _, ...options }: ShardOptions, // that shards are kept is no news here
): Promise<void> {
  for (const [s, stage] of division.stages.slice(0, end).entries()) {
    try {
      await stage.join?.(spansIn(plan, s), options);
    } catch (error) {
      if (!(error instanceof NotKept)) throw error;
      const shards = indexList(spansIn(plan, s).map(({ index }) => index));
      throw new Error(`Cannot join shards ${shards} (${stage.unit}): ${error.message}`, { cause: error });
    }
    const failure = keepingFailure(options.results);
    if (failure) throw failure;
  }
}

/** What computed all shards. Throws `TypeError` where they were computed by different engines or precisions. */
export function computedBy(receipts: ReadonlyMap<number, Receipt>): Computed {
  const [[first, { computed }], ...rest] = receipts;
  const [index, other] = rest.find(([, receipt]) => !computedAlike(computed, receipt.computed)) ?? [];
  if (!other) return computed;
  throw new TypeError(
    `Cannot merge shards ${first} and ${index}: they were computed by ${words(computed)} and by ${
      words(other.computed)
    }, expected one engine for all; set --engine and --precision when making the plan`,
  );
}

/** The processors that shards ran on, each with its shards. */
export function processorsOf(receipts: ReadonlyMap<number, Receipt>): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [index, { processor }] of receipts) {
    const kind = processor.replace(/, \d+ cores$/, "");
    found.set(kind, [...found.get(kind) ?? [], index]);
  }
  return found;
}

function words({ engine, dtype, runtime, device }: Computed): string {
  return `${engine} in ${dtype} (${runtime}${device === undefined ? "" : `, ${device}`})`;
}
