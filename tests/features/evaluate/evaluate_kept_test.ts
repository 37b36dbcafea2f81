/** What an evaluation keeps: no part, answer or text is run twice, beside whatever plans; what is damaged is made again. */
import assert from "node:assert/strict";
import {
  accuracyChange,
  evaluate,
  evaluated as evaluatedIn,
  type EvaluateOptions,
} from "features/evaluate/mod.ts";
import { asOne, resultText } from "core/result/mod.ts";
import { scopeOf } from "core/study/scope.ts";
import { type Beside, besideBytes, openBeside } from "features/evaluate/beside.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { byTurns, engine, heard, watchedEngine } from "../../support.ts";
import { kept, withTiny } from "../../core/study/tiny.ts";

type Plan = { readonly attention: number[]; readonly mlp: number[] };
const [full, first, second]: Plan[] = [[[], []], [[1], []], [[], [2]]].map(([attention, mlp]) => ({
  attention,
  mlp,
}));
/** One part each. */
const TASKS = ["openbookqa", "mmlu_anatomy", "lambada_openai"];

/** What an evaluation gives, how many runs it took and what it said. */
async function evaluated(
  model: StudyModel,
  plans: readonly Plan[],
  options: EvaluateOptions & { most?: number; beside?: Beside },
): Promise<{ text: string; runs: number; said: string; ended: boolean }> {
  const { most, beside, ...more } = options;
  let runs = 0;
  /** The run after `most` fails, as if the process had ended there. */
  const onRun = () => assert.ok(runs++ !== most, "the end");
  const { notices, onNotice } = heard();
  const asked = { limit: 2, shots: 0, prompts: 0, ...more, engine: watchedEngine({ onRun }), onNotice };
  const run = beside
    ? asOne(() => evaluatedIn(scopeOf(asked), model, { ...asked, plans, beside }))
    : evaluate(model, plans, asked);
  const results = await run.catch((error) => {
    if (error.message !== "the end") throw error;
    return null;
  });
  const text = results?.map((result) => resultText(result)).join("") ?? "";
  return { text, runs, said: notices.join("\n"), ended: results === null };
}

/** The model with every fourth token as the end of a text, so that none has all 256 tokens that it may have. */
const brief = (model: StudyModel): StudyModel => (
  { ...model, config: { ...model.config, eos_token_id: Array.from({ length: 16 }, (_, i) => 4 * i) } }
);

Deno.test("a plan that is added runs alone, beside the full model; what others wrote is not written again", () =>
  withTiny(async ({ model: opened, folder }) => {
    const model = brief(opened);
    const asked = { tasks: TASKS.slice(0, 2), prompts: 2 };
    const together = await evaluated(model, [full, first, second], asked);
    const results = `${folder}/results`;
    await evaluated(model, [full, first], { ...asked, results });
    const alone = await evaluated(model, [second], asked);
    const fullTexts = (await evaluated(model, [full], asked)).runs -
      (await evaluated(model, [full], { ...asked, prompts: 0 })).runs;
    assert.ok(fullTexts > 0);
    const added = await evaluated(model, [full, first, second], { ...asked, results });
    assert.equal(added.runs, alone.runs - fullTexts);
    assert.equal(added.text, together.text);
    assert.match(added.said, /4 of 6 parts reused/);
    const again = await evaluated(model, [second, full], { ...asked, results });
    assert.equal(again.runs, 0);
  }));

Deno.test("evaluations that share the full model's streams run it once, with the same numbers", () =>
  withTiny(async ({ model, folder }) => {
    const asked = { tasks: TASKS, prompts: 0, limit: 4 };
    const beside = openBeside(model);
    const results = [true, false].map((isShared) => `${folder}/results-${isShared}`);
    await evaluated(model, [first], { ...asked, results: results[0], beside });
    await evaluated(model, [first], { ...asked, results: results[1] });
    const shared = await evaluated(model, [second], { ...asked, results: results[0], beside });
    const apart = await evaluated(model, [second], { ...asked, results: results[1] });
    assert.equal(shared.text, apart.text);
    assert.ok(shared.runs < apart.runs);
    // Without a store the full model's numbers are made again from its streams.
    const unkept = await evaluated(model, [second], { ...asked, beside });
    assert.equal(unkept.text, apart.text);
    assert.equal(unkept.runs, shared.runs);
    assert.ok(engine.live > 0);
    beside.free();
    assert.equal(engine.live, 0);
  }));

Deno.test("streams stay of as many parts as there is room for", () => {
  const model = { spec: { hidden: 2 ** 20 } } as StudyModel;
  const parts = [100, 100, 27, 1].map((tokens, i) => ({ hash: `${i}`, tokens })); // 4 MiB a token, of 512
  const beside = openBeside(model);
  for (const _ of [1, 2]) {
    assert.deepEqual(parts.map((part) => beside.over(part) !== undefined), [true, false, true, true]);
  }
  assert.equal(besideBytes(model, parts.slice(2)), 28 * 2 ** 22);
  assert.equal(besideBytes(model, parts), 2 ** 29);
});

Deno.test("answers and texts that are written are kept one by one", () =>
  withTiny(async ({ model: opened, folder }) => {
    const model = brief(opened);
    const plans = [full, first];
    const asked = { tasks: ["gsm8k_cot"] };
    const whole = await evaluated(model, plans, { ...asked, prompts: 2 });
    /** Runs up to the end of each answer or text. */
    const one = await evaluated(model, [full], { ...asked, limit: 1 });
    const two = await evaluated(model, [full], asked);
    const answers = await evaluated(model, plans, asked);
    const text = await evaluated(model, plans, { ...asked, prompts: 1 });
    const ended = [[one.runs + 1, one.runs], [two.runs - 1, one.runs], [answers.runs + 1, answers.runs]];
    for (const [most, done] of ended) {
      const results = `${folder}/ended-${most}`;
      assert.ok((await evaluated(model, plans, { ...asked, prompts: 2, results, most })).ended);
      const rest = await evaluated(model, plans, { ...asked, prompts: 2, results });
      assert.equal(rest.runs, whole.runs - done);
      assert.equal(rest.text, whole.text);
    }
    assert.ok(text.runs > answers.runs && text.runs < whole.runs);
  }));

Deno.test("a kept part that is damaged is told with its file, and is made again alone", () =>
  withTiny(async ({ model: opened, folder }) => {
    const model = brief(opened);
    const plans = [full, first];
    const results = `${folder}/results`;
    const asked = { tasks: TASKS.slice(0, 2), prompts: 1, results };
    const whole = await evaluated(model, plans, asked);
    const files = kept(results);
    const kinds = files.map((name) => name.split("-")[0]).sort().join(" ");
    assert.equal(kinds, "task task task task written written");
    const read = (file: string) => Deno.readTextFile(`${results}/${file}`);
    const other = await read(files[1]);
    const damages = [
      (text: string) => text.slice(0, text.length / 2),
      () => "",
      () => "\0".repeat(4096),
      (text: string) => text.replace(/\d(?=[,}\]])/, (digit) => String((Number(digit) + 1) % 10)),
      (text: string) => text.replace(/,"checksum".*/, "}"),
      () => other,
    ];
    for (const [turn, damage] of damages.entries()) {
      for (const file of byTurns([files[0], files.at(-1)!], turn)) {
        const sound = await read(file);
        assert.notEqual(damage(sound), sound);
        await Deno.writeTextFile(`${results}/${file}`, damage(sound));
        const again = await evaluated(model, plans, asked);
        assert.match(again.said, RegExp(`computing a kept result again: Cannot \\w+ ${results}/${file}: `));
        assert.equal(again.text, whole.text);
        assert.ok(again.runs > 0 && again.runs < whole.runs, `${again.runs} of ${whole.runs}`);
        assert.equal(await read(file), sound);
      }
    }
  }));

Deno.test("two at once in one folder end as one", () =>
  withTiny(async ({ model: opened, folder }) => {
    const model = brief(opened);
    const asked = { tasks: TASKS.slice(0, 2), prompts: 1 };
    const whole = await evaluated(model, [full, first], asked);
    const results = `${folder}/results`;
    const pairs = [[full, first], [first, second]];
    const both = await Promise.all(pairs.map((plans) => evaluated(model, plans, { ...asked, results })));
    assert.equal(both[0].text, whole.text);
    assert.equal((await evaluated(model, [full, first, second], { ...asked, results })).runs, 0);
  }));

Deno.test("what an evaluation says of its average is what the page computes from it; no error is 0", () =>
  withTiny(async ({ model }) => {
    const tasks = ["openbookqa", "mmlu_stem", "lambada_openai"];
    const options = { tasks, limit: 2, prompts: 0, margin: 0.1, engine: "cpu" } as const;
    const [whole, run] = await evaluate(model, [full, first], options);
    assert.deepEqual(run.average!.of, ["openbookqa acc_norm", "mmlu_stem acc"]);
    assert.deepEqual(run.average!.against, accuracyChange(run, whole));
    assert.equal(run.average!.against!.n, 2 + 38);
    assert.equal(whole.average!.against, null);
    assert.deepEqual(accuracyChange(whole, whole).verdict, "cannot tell");
    const { acc, perplexity } = run.tasks.lambada_openai.metrics;
    // lm-eval's standard error is 0 where none is right; the interval is not.
    assert.deepEqual([acc.value, acc.stderr, acc.low], [0, 0, 0]);
    assert.ok(acc.high! > 0.6);
    assert.ok(perplexity.low! < perplexity.value && perplexity.value < perplexity.high!);
    for (const { low, high, against } of [run.groups.mmlu_stem, run.average!]) {
      assert.ok(low! < high! && against!.low < against!.high);
    }
  }));
