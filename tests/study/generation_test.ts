/** The study of generation: beside Hugging Face and NumPy in float64, and where its answers are known. */
import assert from "node:assert/strict";
import { PREDICTION_MEASURES, type PredictionMeasure } from "../../src/measure/mod.ts";
import type { TextChanges } from "../../src/result/mod.ts";
import { estimate, evaluate, generation, type GenerationOptions } from "../../src/study/mod.ts";
import type { StudyModel } from "../../src/subject/mod.ts";
import { engine } from "../support.ts";
import { kept, withTiny } from "./tiny.ts";
import { readJson } from "../fixtures/read.ts";

type Changes = Record<PredictionMeasure, number[]>;
interface Case {
  readonly prompts: number[][];
  readonly tokens: number;
  readonly ids: number[][];
  readonly plans: (Record<"attention" | "mlp", number[]> & {
    readonly ids: number[][];
    readonly forced: Changes[];
    readonly free: Changes[];
  })[];
}

const { models }: { readonly models: Readonly<Record<string, Case>> } = await readJson(
  "tests/fixtures/generation.json",
);

/**
 * Logits are float32 here and float64 there: after three layers they differ by about 1e-6 of their size, which is up to 10, and so do
 * differences of them. Measures that are means of such differences, or of their squares, differ by as much at sizes of about 1.
 */
const TOLERANCE = 5e-5;

function agree(found: TextChanges, expected: Changes, what: string): void {
  for (const name of PREDICTION_MEASURES) {
    assert.equal(found[name].length, expected[name].length, `${what}: ${name}`);
    found[name].forEach((value, step) => {
      const wanted = expected[name][step];
      assert.ok(
        Math.abs(value! - wanted) <= TOLERANCE * Math.max(1, Math.abs(wanted)),
        `${what}, step ${step}: ${name} is ${value}, expected ${wanted}`,
      );
    });
  }
}

/** Prompts as a file of token ids, which needs no tokenizer to be read. */
async function promptFile(folder: string, prompts: readonly number[][]): Promise<string> {
  const path = `${folder}/prompts.json`;
  await Deno.writeTextFile(path, JSON.stringify(prompts));
  return path;
}

for (const [name, { prompts, tokens, ids, plans }] of Object.entries(models)) {
  Deno.test(`${name}: texts and measures are those of Hugging Face and NumPy in float64`, () =>
    withTiny(async ({ model, folder }) => {
      const text = {
        text: await promptFile(folder, prompts),
        samples: prompts.length,
        length: prompts[0].length,
      };
      const asked = plans.map(({ attention, mlp }) => ({ attention, mlp }));
      const found = await generation(model, asked, { ...text, tokens, engine });
      assert.deepEqual(found.ids, ids);
      plans.forEach((plan, i) => {
        const own = found.plans[i];
        assert.deepEqual(own.ids, plan.ids);
        for (const mode of ["forced", "free"] as const) {
          plan[mode].forEach((expected, t) =>
            agree(own[mode].texts[t], expected, `plan ${i}, ${mode}, text ${t}`)
          );
        }
      });
    }, name));
}

const PROMPTS = ["the quick brown", "lazy dog", "evil queen of"];
const run = (model: StudyModel, plans: Parameters<typeof generation>[1], options: GenerationOptions = {}) =>
  generation(model, plans, { prompts: PROMPTS, tokens: 6, engine, ...options });

Deno.test("the full model as a plan is nowhere apart from itself", () =>
  withTiny(async ({ model }) => {
    const { ids, plans: [plan] } = await run(model, [{}]);
    assert.deepEqual(plan.ids, ids);
    assert.deepEqual(plan.same, Array(6).fill(1));
    for (const mode of [plan.forced, plan.free]) {
      // Streams of the same plan are the same, however often it runs, but for what batches of another size round differently.
      assert.ok(mode.means.kl!.value < 1e-10 && mode.means.distance!.value < 1e-10);
      assert.ok(mode.means.hidden!.value > 1 - 1e-10);
    }
  }));

Deno.test("at the first step no text has begun: forced and free are the same", () =>
  withTiny(async ({ model }) => {
    const { plans } = await run(model, [{ attention: [1] }, { mlp: [0, 1, 2], attention: [0, 1, 2] }]);
    for (const { forced, free } of plans) {
      for (const [i, { kl }] of forced.texts.entries()) {
        if (kl.length === 0 || free.texts[i].kl.length === 0) continue;
        assert.ok(Math.abs(kl[0] - free.texts[i].kl[0]) < 1e-5, `${kl[0]}, ${free.texts[i].kl[0]}`);
      }
    }
  }));

Deno.test("texts of equal prompts are not apart, those of others are, and a single one has no other", () =>
  withTiny(async ({ model }) => {
    const apart = async (...prompts: string[]) =>
      (await run(model, [{ mlp: [1] }], { prompts })).unrelated?.means.kl?.value;
    assert.ok((await apart("lazy dog", "lazy dog"))! < 1e-10);
    assert.ok((await apart("lazy dog", "evil queen"))! > 0.01);
    assert.equal(await apart("lazy dog"), undefined);
  }));

Deno.test("an interrupted study goes on with the texts that are kept, and a finished one is read again", () =>
  withTiny(async ({ model, options: { results } }) => {
    const plans = [{ mlp: [1] }];
    const stop = new AbortController();
    const interrupted = run(model, plans, {
      results,
      signal: stop.signal,
      onProgress: ({ label }) => /modules|texts of/.test(label) && stop.abort(),
    });
    await assert.rejects(interrupted, { name: "AbortError" });
    assert.equal(kept(results).filter((name) => name.startsWith("written-")).length, 2);
    assert.equal(kept(results).filter((name) => name.startsWith("generation-")).length, 0);
    const fresh = await run(model, plans);
    assert.deepEqual(await run(model, plans, { results }), fresh);
    assert.equal(kept(results).filter((name) => name.startsWith("generation-")).length, 1);
    let told = "";
    assert.deepEqual(await run(model, plans, { results, onNotice: (line) => void (told += line) }), fresh);
    assert.match(told, /generation of .*: result reused/);
    // Another temperature is another result of the same texts.
    await run(model, plans, { results, temperature: 2 });
    assert.equal(kept(results).filter((name) => name.startsWith("written-")).length, 2);
    assert.equal(kept(results).filter((name) => name.startsWith("generation-")).length, 2);
  }));

Deno.test("the texts are those that an evaluation writes after the same prompts", () =>
  withTiny(async ({ model, options: { results } }) => {
    await evaluate(model, [], { tasks: ["openbookqa"], limit: 1, prompts: 2, engine, results });
    const written = () => kept(results).filter((name) => name.startsWith("written-"));
    const before = written();
    await generation(model, [{}], { samples: 2, engine, results });
    assert.deepEqual(written(), before);
  }));

Deno.test("a temperature changes probabilities and the measures that have it, and no text", () =>
  withTiny(async ({ model }) => {
    const plans = [{ attention: [2] }];
    const [one, hot] = [await run(model, plans), await run(model, plans, { temperature: 100 })];
    assert.deepEqual(hot.ids, one.ids);
    // At 100 all probabilities are about equal, and KL is half the variance.
    const slope = hot.plans[0].forced.slopes.kl!;
    assert.ok(Math.abs(slope.value - 1) < 0.05, `${slope.value}`);
  }));

Deno.test("the options of a task are compared beside all tokens", () =>
  withTiny(async ({ model }) => {
    const { task, plans: [{ choices }, same] } = await run(model, [{ mlp: [1] }, {}], {
      task: "openbookqa",
      limit: 12,
    });
    assert.equal(task!.documents + task!.leftOut, 12);
    assert.ok(task!.documents > 6, `${task!.documents}`);
    assert.ok(choices!.vocabulary.kl!.value > 0 && choices!.options.kl!.value >= 0);
    for (const share of [choices!.sameToken!, choices!.sameOption!]) {
      assert.ok(share.value >= 0 && share.value <= 1);
    }
    assert.equal(same.choices!.sameOption!.value, 1);
    assert.ok(same.choices!.vocabulary.kl!.value < 1e-10);
  }));

Deno.test("what cannot be measured is refused by name", () =>
  withTiny(async ({ model, options }) => {
    const refused = (
      asked: GenerationOptions,
      message: RegExp,
      plans: Parameters<typeof generation>[1] = [{}],
    ) => assert.rejects(run(model, plans, asked), { message });
    await refused({}, /^Cannot measure generation: the number of plans is 0, expected at least 1$/, []);
    await refused({ prompts: [] }, /the number of prompts is 0, expected at least 1/);
    await refused(
      { prompts: ["the", ""] },
      /^Cannot continue prompts\[1\]: found no tokens, expected a text or BOS$/,
    );
    await refused({ text: options.text! }, /found prompts beside text, expected one of them/);
    await refused(
      { tokens: 10 ** 12 },
      /^Cannot run 3 × 1000000000015 tokens .*: it takes about .* of memory/,
    );
    await refused({ task: "piqua" }, /Cannot find the task "piqua"/);
    await refused(
      { task: "mmlu" },
      /Cannot compare the options of mmlu: it is a group of \d+ tasks, expected one task/,
    );
    await refused({ task: "gsm8k" }, /its answers are written, expected a task of choices/);
    await refused(
      { task: "arithmetic_1", limit: 3 },
      /Cannot compare the options of arithmetic_1: found no document whose options part/,
    );
    await refused({}, /^Cannot drop mlp 9: expected a layer from 0 to 2$/, [{ mlp: [9] }]);
  }));

Deno.test("a price is known before anything runs", () =>
  withTiny(async ({ model }) => {
    const plans = [{ mlp: [1] }, { attention: [2] }];
    const price = await estimate("generation", model, plans, { prompts: PROMPTS, tokens: 6, engine });
    assert.equal(price.plans, 2);
    assert.ok(price.flops > 0 && price.seconds > 0 && price.bytes > 0);
  }));
