/**
 * Log-likelihoods and answers equal to those of lm-eval with Hugging Face in float32 (see make_evaluation.py).
 *
 * Some documents of each task by the committed series; in `test:all` all of them, and a few by SmolLM2 (`-- --all`: all by SmolLM2 and
 * by Gemma 3).
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Evaluation } from "../../src/result/mod.ts";
import { evaluate } from "../../src/study/mod.ts";
import { openModel, type StudyModel } from "../../src/subject/mod.ts";
import type { BosRule } from "../../src/tasks/mod.ts";
import { isThorough, thorough } from "../support.ts";

/** What lm-eval found: `scores[plan][document][choice]`, nats and whether the choice is greedy. */
interface Run {
  readonly model: string;
  readonly bos: BosRule;
  readonly task: string;
  readonly shots: number;
  readonly limit: number;
  readonly plans: readonly { attention: number[]; mlp: number[] }[];
  readonly scores: readonly (readonly (readonly [nats: number, greedy: number])[])[][];
}

/**
 * A token's log-likelihood is a difference of float32 logits of up to 30, of which each side rounds every one by a few units of 2e-6,
 * states before them not counted: about 1e-5. A continuation sums up to a hundred and more of them, whose errors partly have one
 * sign: 1e-4 to 1e-3, or, where a text is so improbable that it sums to hundreds of nats, 1e-5 of the sum. Measured (`--all`): 1e-4
 * at most for the series, 7e-4 for SmolLM2, 3.1e-3 of 199 nats for Gemma 3 (PIQA without BOS and without two attention modules:
 * in float64 the same sum is 2.8e-3 from Hugging Face's and 5.5e-3 from ours). The numbers of the file are rounded to 1e-5.
 */
const TOLERANCE = 2e-3;
const RELATIVE = 2e-5;
/** Documents of each task by the series in `test`, and by a model that is not in the repository. */
const [SOME, FEW] = [20, 4];
const isAll = Deno.args.includes("--all");

const runs: Run[] = JSON.parse(
  await Deno.readTextFile(new URL("../fixtures/evaluation.json", import.meta.url)),
);

/** Runs the documents of some runs of one model, and compares them; gives the largest difference. */
async function compare(model: StudyModel, { task, shots, limit, bos, plans, scores }: Run, most = limit) {
  const documents = Math.min(most, limit);
  const results = await evaluate(model, plans, {
    tasks: [task],
    shots,
    limit: documents,
    bos,
    prompts: 0,
    engine: "cpu",
  });
  return Math.max(...results.map((result, plan) => {
    const { items } = result.tasks[task];
    assert.equal(items.length, documents);
    return Math.max(
      ...items.map((item, i) => differenceOf(item, scores[plan][i], `${task} ${i}, plan ${plan}`)),
    );
  }));
}

function differenceOf(
  item: Evaluation["tasks"][string]["items"][number],
  theirs: Run["scores"][number][number],
  where: string,
) {
  const nats = theirs.map(([sum]) => sum);
  assert.equal(item.loglikelihoods.length, nats.length, where);
  const difference = Math.max(...item.loglikelihoods.map((own, i) => Math.abs(own - nats[i])));
  assert.ok(
    difference < Math.max(TOLERANCE, RELATIVE * -Math.min(...nats)),
    `${where}: ${item.loglikelihoods} for ${nats}`,
  );
  assert.equal(largest(item.loglikelihoods), largest(nats), `${where}: the answer`);
  assert.deepEqual(item.greedy.map(Number), theirs.map(([, greedy]) => greedy), `${where}: greedy`);
  return difference;
}

const largest = (values: readonly number[]) => values.indexOf(Math.max(...values));

/** Models by their names in the fixture; the last checkpoint of the series has the series' tokenizer. */
const refs: Record<string, [ref: string, most: number]> = {
  "pre-ln": [
    fileURLToPath(new URL("../../data/series/pre-ln/step04096", import.meta.url)),
    isThorough ? Infinity : SOME,
  ],
  "smollm2-135m": ["smollm2-135m", isAll ? Infinity : FEW],
  "gemma-3-270m": ["gemma-3-270m", isAll ? Infinity : 0],
};

for (const [name, [ref, most]] of Object.entries(refs)) {
  if (most === 0) continue;
  const test = name === "pre-ln" ? Deno.test : thorough;
  test(`${name}: log-likelihoods of every choice, and answers, are lm-eval's`, async () => {
    using model = await openModel(ref);
    for (const run of runs.filter((run) => run.model === name)) {
      const difference = await compare(model, run, most);
      if (isAll) console.log(`${name}, BOS ${run.bos}, ${run.task}: ${difference.toExponential(1)} nats`);
    }
  });
}
