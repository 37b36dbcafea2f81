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
import { evaluate, type Evaluation } from "features/evaluate/mod.ts";
import { type DropPlan, noDrop } from "core/run/mod.ts";
import { dropsIn } from "core/study/plan.ts";
import { makePlan } from "features/orders/mod.ts";
import { profile } from "features/profile/mod.ts";
import type { Target } from "core/result/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { packageFolder } from "../core/tasks/fixture.ts";
import { fromPython, inWords, median, readArguments, type Seconds, timed } from "./shared.ts";

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

const { names: [path], python, share, limit, batches, threads, ...values } = readArguments(
  { python: "", share: 0.005, limit: 0, batches: "8", threads: "2", rounds: 1 },
);
const documents = TASKS.map(([task, shots, all]) => [task, shots, limit || Math.ceil(all * share)] as const);
Deno.env.set("OMP_NUM_THREADS", threads); // read as the engine is opened
const model = await openModel(path);
const importance = await profile(model, { samples: 2, length: 256, engine: "cpu" });
const plans = [
  noDrop,
  ...PLANS.map(([target, drop]) => dropsIn(model, makePlan(importance, { target, drop }))),
];

/** What both sides say of a document. */
type Scored = Pick<Evaluation["tasks"][string]["items"][number], "loglikelihoods" | "acc" | "acc_norm">;
/** Seconds of all plans, and their documents by plan and task. */
interface Side extends Seconds {
  readonly scores: readonly Readonly<Record<string, readonly Scored[]>>[];
}

const rounds: Seconds[] = [];
for (let round = 1; round <= values.rounds; round++) {
  const own = await ours();
  console.log(`round ${round}  lamina ${inWords(own)}`);
  if (!python) continue;
  const others: Side[] = [];
  for (const batch of batches.split(",")) {
    const other = await theirs(batch);
    others.push(other);
    console.log(`         lm-eval, batches of ${batch}, ${inWords(other)}; ${differences(own, other)}`);
  }
  const least = (key: keyof Seconds) => Math.min(...others.map((other) => other[key])) / own[key];
  rounds.push({ clock: least("clock"), processor: least("processor") });
}
if (rounds.length > 0) {
  const [clock, processor] = (["clock", "processor"] as const).map((key) =>
    median(rounds.map((one) => one[key]))
  );
  console.log(`${clock.toFixed(2)} times as fast (median), ${processor.toFixed(2)} times in processor time`);
}
model.close();

async function ours(): Promise<Side> {
  const scores: Record<string, readonly Scored[]>[] = plans.map(() => ({}));
  const seconds = await timed(async () => {
    for (const [task, shots, limit] of documents) {
      const found = await evaluate(model, plans, { tasks: [task], shots, limit, prompts: 0, engine: "cpu" });
      found.forEach(({ tasks }, plan) => scores[plan][task] = tasks[task].items);
    }
  });
  return { ...seconds, scores };
}

async function theirs(batch: string): Promise<Side> {
  const drops = JSON.stringify(plans.map(({ attention, mlp }: DropPlan) => ({ attention, mlp })));
  const asked = ["--documents", JSON.stringify(documents), "--plans", drops];
  const how = ["--batch", batch, "--threads", threads];
  const found = fromPython(python, "table_bench.py", path, await packageFolder(), ...asked, ...how);
  return { ...found, clock: found.seconds };
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
