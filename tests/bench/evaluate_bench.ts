/**
 * `evaluate` beside lm-eval on the same machine, CPU, float32: 885 documents of six tasks.
 *
 *     deno run -A tests/bench/evaluate_bench.ts SMOLLM2.gguf [--python PYTHON] [--rounds 3] [--batches 1,8] [--share 1]
 *     deno run -A tests/bench/evaluate_bench.ts MODEL --nested [--rounds 3] [--share 1]
 *
 * The two programs take turns, lm-eval with each batch size; evaluate_bench.py says what is timed. Quoted is the median ratio within
 * a round to lm-eval's fastest batch size. `--share` takes the first so many of each task's documents. PYTHON is an
 * environment with tests/fixtures/requirements.txt; without it only this side runs.
 *
 * `--nested`: eight plans, each with one attention layer more dropped than the one before, beside the full model alone:
 * the ratio of their times, against that of the work which is left when plans share it, heads included.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cost, type DropPlan, noDrop } from "../../src/run/mod.ts";
import { estimate, evaluate } from "../../src/study/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { packageFolder } from "../tasks/fixture.ts";

const DOCUMENTS: readonly (readonly [task: string, shots: number, documents: number])[] = [
  ["piqa", 0, 200],
  ["openbookqa", 0, 200],
  ["boolq", 0, 100],
  ["rte", 0, 100],
  ["arc_challenge", 0, 150],
  ["mmlu_anatomy", 5, 135],
];

/** Tokens of a text on average, for the price of attention. */
const TEXT = 100;

const { values, positionals: [path] } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    rounds: { type: "string", default: "3" },
    batches: { type: "string", default: "1,8" },
    share: { type: "string", default: "1" },
    nested: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const documents = DOCUMENTS.map(([task, shots, count]) =>
  [task, shots, Math.ceil(count * Number(values.share))] as const
);
const model = await openModel(path);
if (values.nested) await nested();
else await sideBySide();
model.close();

/** Seconds of each task. */
async function ours(plans: readonly DropPlan[]): Promise<number[]> {
  const seconds: number[] = [];
  for (const [task, shots, limit] of documents) {
    const start = performance.now();
    await evaluate(model, plans, { tasks: [task], shots, limit, prompts: 0, engine: "cpu" });
    seconds.push((performance.now() - start) / 1000);
  }
  return seconds;
}

async function theirs(python: string, batch: string): Promise<number[]> {
  const script = fileURLToPath(new URL("evaluate_bench.py", import.meta.url));
  const args = [
    script,
    path,
    await packageFolder(),
    "--documents",
    JSON.stringify(documents),
    "--batch",
    batch,
  ];
  const out = execFileSync(python, args, {
    encoding: "utf-8",
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...Deno.env.toObject(), HF_HUB_OFFLINE: "1" },
  });
  return JSON.parse(out.trim().split("\n").at(-1)!);
}

async function sideBySide(): Promise<void> {
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const own = await ours([noDrop]);
    console.log(`round ${round}  lamina ${inWords(own)}`);
    if (!values.python) continue;
    const all: number[] = [];
    for (const batch of values.batches.split(",")) {
      const found = await theirs(values.python, batch);
      all.push(sum(found));
      console.log(`         lm-eval, batches of ${batch} ${inWords(found)}`);
    }
    ratios.push(Math.min(...all) / sum(own));
    console.log(`         ratio ${ratios.at(-1)!.toFixed(2)}`);
  }
  if (ratios.length > 0) console.log(`median ratio ${median(ratios).toFixed(2)}`);
}

/** Eight plans, each with one attention layer more dropped than the one before, beside the full model alone. */
async function nested(): Promise<void> {
  const { length } = model.spec.layers;
  const plans = Array.from({ length: 8 }, (_, n): DropPlan => ({
    attention: Array.from({ length: n }, (_, i) => length - 1 - n + i),
    mlp: [],
  }));
  const share = await workOf(plans) / await workOf([noDrop]);
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const [one, all] = [await ours([noDrop]), await ours(plans)];
    ratios.push(sum(all) / sum(one));
    console.log(`round ${round}  one plan ${inWords(one)}\n         eight ${inWords(all)}`);
  }
  console.log(
    `eight plans take ${median(ratios).toFixed(2)} times as long (median) for ${
      share.toFixed(2)
    } times the work: ` +
      (median(ratios) / share).toFixed(2),
  );
}

/** Multiplications and additions: of modules for the tokens that run, of the head for those that are scored. */
async function workOf(plans: readonly DropPlan[]): Promise<number> {
  const { hidden, vocabulary } = model.spec;
  let work = 0;
  for (const [task, shots, limit] of documents) {
    const { tasks: [{ run }] } = await estimate("evaluate", model, {
      plans: [],
      tasks: [task],
      shots,
      limit,
      prompts: 0,
    });
    const scored = (await targetsOf(task, shots, limit)) * plans.length;
    work += cost(model.spec, plans, { samples: run / TEXT, length: TEXT }, false).flops +
      2 * scored * hidden * vocabulary;
  }
  return work;
}

/** Tokens that a task scores. */
async function targetsOf(task: string, shots: number, limit: number): Promise<number> {
  const options = { tasks: [task], shots, limit, prompts: 0, engine: "cpu" } as const;
  const [{ tasks }] = await evaluate(model, [noDrop], options);
  return sum(tasks[task].items.flatMap(({ tokens }) => tokens));
}

function inWords(seconds: readonly number[]): string {
  const each = documents.map(([task], i) => `${task} ${seconds[i].toFixed(1)}`);
  return `${sum(seconds).toFixed(1)} s (${each.join(", ")})`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
