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
import { cost, type DropPlan, noDrop } from "core/run/mod.ts";
import { estimate } from "features/by_name.ts";
import { evaluate } from "features/evaluate/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { packageFolder } from "../core/tasks/fixture.ts";
import { fromPython, median, readArguments, timed } from "./shared.ts";

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

const { names: [path], python, rounds, batches, share, nested: areNested } = readArguments(
  { python: "", rounds: 3, batches: "1,8", share: 1, nested: false },
);
const documents = DOCUMENTS.map(([task, shots, count]) => [task, shots, Math.ceil(count * share)] as const);
const model = await openModel(path);
if (areNested) await nested();
else await sideBySide();
model.close();

async function ours(plans: readonly DropPlan[]): Promise<number[]> {
  const seconds: number[] = [];
  for (const [task, shots, limit] of documents) {
    const options = { tasks: [task], shots, limit, prompts: 0, engine: "cpu" } as const;
    seconds.push((await timed(() => evaluate(model, plans, options))).clock);
  }
  return seconds;
}

async function theirs(batch: string): Promise<number[]> {
  const what = ["--documents", JSON.stringify(documents), "--batch", batch];
  return fromPython(python, "evaluate_bench.py", path, await packageFolder(), ...what);
}

async function sideBySide(): Promise<void> {
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const own = await ours([noDrop]);
    console.log(`round ${round}  lamina ${byTask(own)}`);
    if (!python) continue;
    const all: number[] = [];
    for (const batch of batches.split(",")) {
      const found = await theirs(batch);
      all.push(sum(found));
      console.log(`         lm-eval, batches of ${batch} ${byTask(found)}`);
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
    console.log(`round ${round}  one plan ${byTask(one)}\n         eight ${byTask(all)}`);
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
    const { tasks: [{ run }] } = await estimate("evaluate", model, [], {
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

async function targetsOf(task: string, shots: number, limit: number): Promise<number> {
  const options = { tasks: [task], shots, limit, prompts: 0, engine: "cpu" } as const;
  const [{ tasks }] = await evaluate(model, [noDrop], options);
  return sum(tasks[task].items.flatMap(({ tokens }) => tokens));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

function byTask(seconds: readonly number[]): string {
  const each = documents.map(([task], i) => `${task} ${seconds[i].toFixed(1)}`);
  return `${sum(seconds).toFixed(1)} s (${each.join(", ")})`;
}
