/** Documents drawn by margin: what plans are asked, what stands for all documents, and what refuses to take some for all. */
import assert from "node:assert/strict";
import { accuracyChange, meanAccuracy, parseResult, resultText } from "../../src/result/mod.ts";
import { accuracyClaims, accuracyFigure, sections, tableText, toCSV } from "../../src/show/mod.ts";
import { tasksText } from "../../src/export/card/costs.ts";
import { divisionOf, estimate, evaluate, evaluateStudy, makePlan, profile } from "../../src/study/mod.ts";
import { engine } from "../support.ts";
import { withTiny } from "./tiny.ts";

const PLANS = [{}, { attention: [1] }, { attention: [1], mlp: [2] }] as const;
const ASKED = { tasks: ["openbookqa", "mmlu_anatomy"], limit: 60, prompts: 0, engine } as const;

Deno.test("plans answer a draw; their numbers are the full model's and the changes that drawn answers stand for", () =>
  withTiny(async ({ model, folder }) => {
    const results = `${folder}/results`;
    const notices: string[] = [];
    const options = { ...ASKED, documents: 24, results, onNotice: (line: string) => void notices.push(line) };
    const [full, one, other] = await evaluate(model, PLANS, options);
    const [, all] = await evaluate(model, PLANS.slice(0, 2), { ...ASKED, results });
    for (const task of ASKED.tasks) {
      const [whole, own] = [full, one].map(({ tasks }) => tasks[task]);
      assert.equal(whole.n, 60);
      assert.equal(whole.drawn, undefined);
      const { of, chances } = own.drawn!;
      assert.ok(of === 60 && own.n === own.items.length && own.n === chances.length);
      assert.ok(own.n > 12 && own.n < 40, `${own.n}`);
      assert.equal(chances.filter((chance) => chance === null).length, 12);
      assert.deepEqual(
        own.items.map(({ index }) => index),
        other.tasks[task].items.map(({ index }) => index),
      );
      assert.deepEqual(chances, other.tasks[task].drawn!.chances);
      for (const item of own.items) {
        const { kl: _, ...there } = all.tasks[task].items[item.index];
        const { kl: __, ...here } = item;
        assert.deepEqual({ ...here, loglikelihoods: [] }, { ...there, loglikelihoods: [] });
      }
      for (const [metric, { value, low, high, against, kept }] of Object.entries(own.metrics)) {
        const key = metric as "acc";
        const moved = own.items.map((item, i) =>
          (item[key]! - whole.items[item.index][key]!) / (chances[i] ?? 1)
        );
        const difference = moved.reduce((a, b) => a + b) / 60;
        assert.ok(Math.abs(against!.difference - difference) < 1e-12);
        assert.ok(Math.abs(value - whole.metrics[key].value - difference) < 1e-12);
        assert.ok(low! >= 0 && low! <= value && value <= high! && high! <= 1);
        assert.ok(kept!.low <= kept!.value && kept!.value <= kept!.high);
      }
      assert.ok(own.logprob!.low! < own.logprob!.value && own.logprob!.value < own.logprob!.high!);
      assert.equal(own.ece, null);
    }
    const { average } = one;
    const change = accuracyChange(one, full);
    assert.deepEqual(average!.against, change);
    assert.ok(Math.abs(average!.value - meanAccuracy(one).value) < 1e-15);
    assert.ok(Math.abs(average!.value - meanAccuracy(full).value - change.difference) < 1e-12);
    // Two plans of one draw, and what would take a draw for all documents.
    assert.equal(accuracyChange(other, one).n, change.n);
    for (const [run, base] of [[full, one], [all, one]]) {
      assert.throws(() => accuracyChange(run, base), /found different documents, expected the same/);
    }
    const [, elsewhere] = await evaluate(model, PLANS.slice(0, 2), { ...options, documents: 30 });
    assert.throws(() => accuracyChange(elsewhere, one), /found different documents/);
    assert.throws(() => accuracyChange(one, elsewhere), /found different documents/);

    notices.length = 0;
    assert.deepEqual(await evaluate(model, PLANS, options), [full, one, other]);
    assert.match(notices.join("\n"), /2 of 2 parts reused.*6 of 6 parts reused.*6 of 6 parts reused/s);
    const again = parseResult("one", resultText(one), "evaluate");
    assert.deepEqual(again.tasks, one.tasks);
    assert.match(
      tableText([full, one]),
      new RegExp(`drawn by margin: ${one.tasks.openbookqa.n} of 60 documents of openbookqa, `),
    );
    assert.match(toCSV(one), /,n,of,metric,.*,openbookqa,0,\d+,60,acc,/s);
  }));

Deno.test("where a task has no more documents than are to be drawn, plans answer all, as without a draw", () =>
  withTiny(async ({ model }) => {
    const asked = { ...ASKED, tasks: ["openbookqa"], limit: 22 };
    const plain = await evaluate(model, PLANS, asked);
    assert.deepEqual(await evaluate(model, PLANS, { ...asked, documents: 22 }), plain);
    assert.equal((await evaluate(model, [{}], { ...asked, documents: 20 }))[0].tasks.openbookqa.n, 22);
  }));

Deno.test("a task without margins, few documents and drafting are refused; a draw has a price", () =>
  withTiny(async ({ model }) => {
    const refused = (options: object, expected: RegExp) =>
      assert.rejects(evaluate(model, PLANS, { ...ASKED, documents: 24, ...options }), expected);
    await refused(
      { tasks: ["lambada_openai"] },
      /margins of lambada_openai: found one continuation/,
    );
    await refused({ tasks: ["gsm8k"] }, /margins of gsm8k: found answers that are written/);
    await refused({ documents: 15 }, /`documents`|documents/);
    await refused({ draft: true }, /documents.*draft|draft.*documents/);
    for (const own of [{ documents: 24 }, { until: 1 }]) {
      const work = await evaluateStudy.work(model, { ...ASKED, ...own, plans: PLANS });
      await assert.rejects(divisionOf(work, {}), /Cannot divide evaluation of .*: run it on one machine/);
    }
    const [few, all] = [20, undefined].map((documents) =>
      estimate("evaluate", model, PLANS, { ...ASKED, limit: 130, documents })
    );
    assert.ok((await few).flops < (await all).flops);
  }));

Deno.test("rounds end once verdicts are known, or with the smallest task; what is kept is not asked again", () =>
  withTiny(async ({ model, folder }) => {
    const labels = new Set<string>();
    const options = {
      ...ASKED,
      limit: 70,
      results: `${folder}/results`,
      onProgress: ({ label }: { readonly label: string }) => void labels.add(label),
    };
    const [full, one, other] = await evaluate(model, PLANS, { ...options, until: 1 });
    for (const task of ASKED.tasks) {
      const { n, drawn, items, metrics } = one.tasks[task];
      assert.deepEqual([n, drawn!.of, items.length], [70, 70, 70]);
      assert.deepEqual(drawn!.rounds!.toSorted((a, b) => a - b), items.map((_, i) => i));
      assert.notDeepEqual(drawn!.rounds, items.map((_, i) => i));
      assert.equal(metrics.acc.against!.margin, 0.01);
    }
    // All were asked, so that means are those of all documents; 70 rounds do not tell.
    const [whole, all] = await evaluate(model, PLANS.slice(0, 2), { ...ASKED, limit: 70 });
    const { average } = one;
    assert.ok(Math.abs(average!.against!.difference - all.average!.against!.difference) < 1e-12);
    assert.ok(Math.abs(average!.value - all.average!.value) < 1e-12);
    assert.ok(Math.abs(full.average!.value - whole.average!.value) < 1e-12);
    assert.ok(average!.against!.low < all.average!.against!.low);
    assert.equal(average!.against!.verdict, "cannot tell");
    assert.equal(average!.against!.n, 140);
    assert.deepEqual(accuracyChange(one, full), average!.against);
    assert.ok([...labels].some((label) => /, ±\d+\.\d points after 32 of 70 rounds$/.test(label)));
    assert.match(
      tableText([full, one, other]),
      /at most 1\.0 lost.*asked until the verdict on the mean: 70 of 70 documents of openbookqa, .*verdict: by a test on one side/s,
    );

    // Half of the points are lost surely not: a verdict after the first rounds, and the other plan goes on where it has none.
    const [, soon] = await evaluate(model, PLANS.slice(0, 2), { ...options, until: 60 });
    assert.equal(soon.average!.against!.verdict, "yes");
    assert.ok(soon.tasks.openbookqa.n < 70 && soon.tasks.openbookqa.n === soon.tasks.mmlu_anatomy.n);
    assert.deepEqual(parseResult("one", resultText(soon), "evaluate").tasks, soon.tasks);
    const notices: string[] = [];
    await evaluate(model, PLANS, { ...options, until: 1, onNotice: (line) => void notices.push(line) });
    assert.equal(notices.filter((line) => /(\d+) of \1 parts reused/.test(line)).length, 3);
    const refused = evaluate(model, PLANS, { ...ASKED, until: 1, documents: 24 });
    await assert.rejects(refused, /until beside documents|documents beside until/);
  }));

Deno.test("the figure, the claims, the page's table and the card take a draw for what it stands for, and name it", () =>
  withTiny(async ({ model, folder, options }) => {
    const importance = await profile(model, { ...options, engine });
    const made = [1, 2].map((drop) => makePlan(importance, { target: "attention", drop }));
    const plans = [{ attention: [], mlp: [] }, ...made];
    const drawing = { ...ASKED, documents: 24, margin: 0.01, results: `${folder}/results` };
    const results = await evaluate(model, plans, drawing);
    const figure = accuracyFigure(results, plans);
    const { setting, reading } = figure;
    assert.match(setting, /openbookqa \(acc_norm, \d+ of 60 documents\)/);
    const value = figure.data().find(({ dropped, task }) => dropped === 1 && task === "openbookqa")!;
    assert.equal(value.value, results[1].tasks.openbookqa.metrics.acc_norm.value);
    assert.match(reading, /points \(/);
    const [claim] = accuracyClaims(results, plans);
    assert.match(claim.measured, /\(\d+ of 120 documents\), full model/);
    const asked = await evaluate(model, plans, { ...ASKED, until: 60, results: `${folder}/results` });
    assert.throws(() => accuracyClaims(asked, plans), /asked in rounds, expected all documents, or a draw/);
    const report = { results, plans };
    assert.match(
      JSON.stringify(sections.tasks(report)),
      /drawn by margin: \d+ of 60 documents of openbookqa.*within 1\.0/,
    );
    assert.match(tasksText([results[1]]), /\| `openbookqa` \| 0 \| \d+ of 60, drawn \| `acc` \|/);
  }));
