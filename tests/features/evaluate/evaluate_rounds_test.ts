/** Documents in rounds: what plans are asked, what their numbers say, and what refuses to take some documents for all. */
import assert from "node:assert/strict";
import {
  accuracyChange,
  accuracyFigure,
  evaluate,
  evaluateKind,
  evaluateStudy,
} from "features/evaluate/mod.ts";
import { parseResult, resultText } from "core/result/mod.ts";
import { accuracyClaims } from "../../../src/apps/pages/mod.ts";
import { tableText } from "core/show/looks.ts";
import { tasksText } from "features/export/card/costs.ts";
import { divisionOf } from "core/study/study.ts";
import { engine, heard, near, refuses } from "../../support.ts";
import { withTiny } from "../../core/study/tiny.ts";
import { toCSV } from "features/by_name.ts";

const PLANS = [{}, { attention: [1] }, { attention: [1], mlp: [2] }] as const;
const ASKED = { tasks: ["openbookqa", "mmlu_anatomy"], limit: 60, prompts: 0, engine } as const;

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
    near(average!.against!.difference, all.average!.against!.difference, 1e-12);
    near(average!.value, all.average!.value, 1e-12);
    near(full.average!.value, whole.average!.value, 1e-12);
    assert.ok(average!.against!.low < all.average!.against!.low);
    assert.equal(average!.against!.verdict, "cannot tell");
    assert.equal(average!.against!.n, 140);
    assert.deepEqual(accuracyChange(one, full), average!.against);
    assert.ok([...labels].some((label) => /, ±\d+\.\d points after 32 of 70 rounds$/.test(label)));
    const said =
      /at most 1\.0 lost.*asked until the verdict on the mean: 70 of 70 documents of openbookqa, .*verdict: by a test on one side/s;
    assert.match(tableText([full, one, other]), said);

    // Half of the points are lost surely not: a verdict after the first rounds, and the other plan goes on where it has none.
    const [, soon] = await evaluate(model, PLANS.slice(0, 2), { ...options, until: 60 });
    assert.equal(soon.average!.against!.verdict, "yes");
    assert.ok(soon.tasks.openbookqa.n < 70 && soon.tasks.openbookqa.n === soon.tasks.mmlu_anatomy.n);
    assert.deepEqual(parseResult("one", resultText(soon), evaluateKind).tasks, soon.tasks);
    const { notices, onNotice } = heard();
    await evaluate(model, PLANS, { ...options, until: 1, onNotice });
    assert.equal(notices.filter((line) => /(\d+) of \1 parts reused/.test(line)).length, 3);
    const work = await evaluateStudy.work(model, { ...ASKED, until: 1, plans: PLANS });
    await assert.rejects(divisionOf(work, {}), /Cannot divide evaluation of .*: run it on one machine/);
    await refuses(
      "Cannot ask ",
      (task: string) => evaluate(model, PLANS, { ...ASKED, until: 1, tasks: [task] }),
      [
        ["lambada_openai", "ask lambada_openai in rounds: found one continuation"],
        ["gsm8k", "ask gsm8k in rounds: found answers that are written"],
      ],
    );
  }));

Deno.test("what a plan answered in rounds is beside the full model's documents: figure, table, card, change; not in claims", () =>
  withTiny(async ({ model, folder }) => {
    const plans = [{ attention: [], mlp: [] }, ...PLANS.slice(1)];
    const asking = { ...ASKED, tasks: ["openbookqa"], limit: 70, results: `${folder}/results` };
    const [full, soon] = await evaluate(model, plans.slice(0, 2), { ...asking, until: 60 });
    const [whole] = await evaluate(model, plans.slice(0, 1), asking);
    const { n, drawn, metrics, logprob, items } = soon.tasks.openbookqa;
    assert.ok(n < 70 && drawn!.of === 70);
    // Beside all documents: the full model's numbers, moved by the change over those that were asked.
    const change = accuracyChange(soon, whole);
    assert.deepEqual(change, accuracyChange(soon, full));
    near(metrics.acc_norm.value - full.tasks.openbookqa.metrics.acc_norm.value, change.difference, 1e-12);
    assert.ok(logprob!.low! < logprob!.value && logprob!.value < logprob!.high!);
    const tokens = items.reduce((all, { tokens }) => all + tokens.reduce((a, b) => a + b), 0);
    assert.equal(soon.tasks.openbookqa.kl, items.reduce((all, { kl }) => all + kl, 0) / tokens);
    for (const [run, base] of [[whole, soon], [full, soon]]) {
      assert.throws(() => accuracyChange(run, base), /found different documents, expected the same/);
    }
    assert.throws(() => accuracyClaims([whole, soon]), /asked in rounds, expected all documents/);
    assert.match(accuracyFigure([whole, soon]).setting, new RegExp(`${n} of 70 documents`));
    assert.match(tasksText([soon]), new RegExp(`openbookqa, ${n} of 70 documents`));
    assert.match(toCSV(soon), new RegExp(`,openbookqa,0,${n},70,acc,`));
  }));
