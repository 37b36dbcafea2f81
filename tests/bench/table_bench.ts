/**
 * A table like the paper's beside lm-eval on the same machine, CPU, float32: the full model and seven plans over five tasks, by `evaluate`
 * once and by eight runs of lm-eval.
 *
 *     deno run -A tests/bench/table_bench.ts SMOLLM2.gguf [--python PYTHON] [--share 0.005 | --limit 20] [--batches 8] [--threads 2] [--rounds 1]
 *
 * The plans are Attn-4, Attn-8, Attn-12, MLP-4, MLP-8, Block-4 and Block-8, of the lowest importance; profiling is outside the clock. The
 * tasks are those of the paper whose documents the benchmark package has, at the paper's shots; one subject is for all of MMLU.
 * `--share` is of the documents that the table has, so that each task takes its part of the time; `--limit` gives all tasks equally many.
 *
 * table_bench.py says what is timed of lm-eval, which runs with each batch size; the ratio is to the fastest. On a shared machine
 * processor time says more than the clock. PYTHON is an environment with tests/fixtures/requirements.txt; without it only this
 * side runs.
 */
import { execFileSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Evaluation } from "../../src/result/mod.ts";
import { type DropPlan, noDrop } from "../../src/run/mod.ts";
import { dropsIn, evaluate, makePlan, profile, type Target } from "../../src/study/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { packageFolder } from "../tasks/fixture.ts";

/** A task, its shots, and the documents that it has in the table: MMLU's are those of all subjects. */
const TASKS = [
  ["boolq", 0, 3270],
  ["rte", 0, 277],
  ["openbookqa", 0, 500],
  ["piqa", 0, 1838],
  ["mmlu_anatomy", 5, 14042],
] as const;
const PLANS: readonly (readonly [target: Target, drop: number])[] = [
  ["attention", 4],
  ["attention", 8],
  ["attention", 12],
  ["mlp", 4],
  ["mlp", 8],
  ["block", 4],
  ["block", 8],
];

const { values, positionals: [path] } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    share: { type: "string", default: "0.005" },
    limit: { type: "string" },
    batches: { type: "string", default: "8" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "1" },
  },
});
const documents = TASKS.map(([task, shots, all]) =>
  [task, shots, values.limit ? Number(values.limit) : Math.ceil(all * Number(values.share))] as const
);
Deno.env.set("OMP_NUM_THREADS", values.threads); // read as the engine is opened
const model = await openModel(path);
const importance = await profile(model, { samples: 2, length: 256, engine: "cpu" });
const plans = [
  noDrop,
  ...PLANS.map(([target, drop]) => dropsIn(model, makePlan(importance, { target, drop }))),
];

/** What both sides say of a document. */
type Scored = Pick<Evaluation["tasks"][string]["items"][number], "loglikelihoods" | "acc" | "acc_norm">;
/** Seconds of all plans, on the clock and of the processors, and their documents by plan and task. */
interface Side {
  readonly seconds: number;
  readonly processor: number;
  readonly scores: readonly Readonly<Record<string, readonly Scored[]>>[];
}

const rounds: { clock: number; processor: number }[] = [];
for (let round = 1; round <= Number(values.rounds); round++) {
  const own = await ours();
  console.log(`round ${round}  lamina ${inWords(own)}`);
  if (!values.python) continue;
  const others: Side[] = [];
  for (const batch of values.batches.split(",")) {
    const other = await theirs(values.python, batch);
    others.push(other);
    console.log(`         lm-eval, batches of ${batch}, ${inWords(other)}; ${differences(own, other)}`);
  }
  const least = (key: "seconds" | "processor") => Math.min(...others.map((other) => other[key])) / own[key];
  rounds.push({ clock: least("seconds"), processor: least("processor") });
}
if (rounds.length > 0) {
  const [clock, processor] = (["clock", "processor"] as const).map((key) =>
    median(rounds.map((one) => one[key]))
  );
  console.log(`${clock.toFixed(2)} times as fast (median), ${processor.toFixed(2)} times in processor time`);
}
model.close();

/** One run for each task. */
async function ours(): Promise<Side> {
  const scores: Record<string, readonly Scored[]>[] = plans.map(() => ({}));
  const [start, before] = [performance.now(), process.cpuUsage()];
  for (const [task, shots, limit] of documents) {
    const found = await evaluate(model, plans, { tasks: [task], shots, limit, prompts: 0, engine: "cpu" });
    found.forEach(({ tasks }, plan) => scores[plan][task] = tasks[task].items);
  }
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - start) / 1000, processor: (user + system) / 1e6, scores };
}

/** A run for each plan. */
async function theirs(python: string, batch: string): Promise<Side> {
  const script = fileURLToPath(new URL("table_bench.py", import.meta.url));
  const drops = JSON.stringify(plans.map(({ attention, mlp }: DropPlan) => ({ attention, mlp })));
  const asked = ["--documents", JSON.stringify(documents), "--plans", drops];
  const how = ["--batch", batch, "--threads", values.threads];
  const out = execFileSync(python, [script, path, await packageFolder(), ...asked, ...how], {
    encoding: "utf-8",
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...Deno.env.toObject(), HF_HUB_OFFLINE: "1" },
    maxBuffer: 2 ** 30,
  });
  return JSON.parse(out.trim().split("\n").at(-1)!);
}

function inWords({ seconds, processor }: Side): string {
  return `${seconds.toFixed(1)} s (of processors ${processor.toFixed(1)} s)`;
}

/** The largest differences between the two sides: of a task's accuracy under a plan, and of a choice's log-likelihood. */
function differences(own: Side, other: Side): string {
  let [share, nats] = [0, 0];
  for (const plan of plans.keys()) {
    for (const [task] of TASKS) {
      const [a, b] = [own.scores[plan][task], other.scores[plan][task]];
      for (const metric of ["acc", "acc_norm"] as const) {
        share = Math.max(share, Math.abs(meanOf(a, metric) - meanOf(b, metric)));
      }
      const choices = a.flatMap(({ loglikelihoods }, i) =>
        loglikelihoods.map((value, choice) => value - b[i].loglikelihoods[choice])
      );
      nats = Math.max(nats, ...choices.map(Math.abs));
    }
  }
  return `accuracies differ by ${share.toFixed(4)} at most, log-likelihoods by ${nats.toExponential(1)} nats`;
}

/** The mean of a metric that a task may not have. */
function meanOf(items: readonly Scored[], metric: "acc" | "acc_norm"): number {
  return items.reduce((sum, item) => sum + (item[metric] ?? 0), 0) / items.length;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
