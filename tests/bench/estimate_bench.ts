/**
 * What `--dry-run` says beside the clock: each study is estimated, then run.
 *
 *     deno run -A tests/bench/estimate_bench.ts MODEL [--samples 4] [--length 512] [--rounds 3] [--engine cpu] [--json FILE]
 *
 * Rounds are interleaved, so that a slow moment meets every study; the median of the ratios (measured over estimated) is to be quoted.
 * The estimate measures the machine's speed with one product, and assumes the share of it that studies reach: a ratio of 1 for all studies
 * means that both hold; equal ratios, that only the share is another; unequal ones, that the count of operations is wrong.
 */
import { causes } from "features/causes/study.ts";
import { estimate } from "features/by_name.ts";
import { openModel } from "core/subject/model.ts";
import { order } from "features/orders/order.ts";
import { perplexities } from "features/losses/study.ts";
import { profile } from "features/profile/study.ts";
import type { StudyOptions } from "core/study/options.ts";
import { median, readArguments, timed } from "./shared.ts";

const { names: [path], rounds, json, ...values } = readArguments(
  { samples: 4, length: 512, rounds: 3, engine: "cpu", json: "" },
);
const options = { ...values, engine: values.engine as NonNullable<StudyOptions["engine"]> };
const model = await openModel(path);
const none = { attention: [], mlp: [] };
const plans = [none, { attention: [1], mlp: [] }, { attention: [], mlp: [1] }, { attention: [2], mlp: [2] }];
const greedy = { ...options, target: "block", by: "greedy", upto: 1 } as const;

/** Each study: its estimate, and its run. */
const studies: Readonly<
  Record<string, readonly [() => Promise<{ seconds: number }>, () => Promise<unknown>]>
> = {
  profile: [() => estimate("profile", model, options), () => profile(model, options)],
  "four perplexities": [
    () => estimate("perplexity", model, plans, options),
    () => perplexities(model, plans, options),
  ],
  causes: [() => estimate("causes", model, options), () => causes(model, options)],
  "greedy removal of a block": [() => estimate("order", model, greedy), () => order(model, greedy)],
};

const rows: Record<string, { estimated: number; measured: number }[]> = {};
for (let round = 0; round < rounds; round++) {
  for (const [name, [price, run]] of Object.entries(studies)) {
    const { seconds: estimated } = await price();
    const { clock: measured } = await timed(run);
    (rows[name] ??= []).push({ estimated, measured });
    console.log(
      `round ${round + 1}  ${name}: estimated ${estimated.toFixed(1)} s, measured ${measured.toFixed(1)} s`,
    );
  }
}
for (const [name, row] of Object.entries(rows)) {
  const ratio = median(row.map(({ estimated, measured }) => measured / estimated));
  console.log(`${name}: measured over estimated, median of ${row.length}: ${ratio.toFixed(2)}`);
}
model.close();
if (json) await Deno.writeTextFile(json, JSON.stringify({ path, ...options, rows }, null, 2));
