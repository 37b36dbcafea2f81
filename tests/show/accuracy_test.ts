/** Accuracy against drops: the numbers of the figure, the claims and the section follow from those of the evaluations. */
import assert from "node:assert/strict";
import { changeOver, meanInterval, shareInterval } from "../../src/measure/mod.ts";
import { formatPointsRange } from "../../src/show/words/numbers.ts";
import { accuracyChange } from "../../src/result/mod.ts";
import { accuracyClaims, accuracyFigure, rowsOf, sections, tableText } from "../../src/show/mod.ts";
import { checkFigure, dotsOf, readCsv } from "./check_svg.ts";
import { evaluation, evaluations, plan } from "./synthetic_tasks.ts";

Deno.test("the figure: a point and an interval for each plan in each panel, every curve from the full model on", () => {
  const figure = accuracyFigure(evaluations());
  checkFigure(figure, "accuracy", /piqa \(acc, 40\), arc_easy \(acc, 40\)/);
  assert.equal(
    figure.title,
    "Accuracy falls by 30.0 points (95 %: 20.3 to 41.7) without 2 of 12 MLPs; " +
      "cannot tell whether it changes without 2 of 12 attention modules (−5.1 to 5.1)",
  );
  assert.match(figure.subtitle, /; full model: 80\.0 %; lines: 95 % intervals; below, each task\./);
  // Three curves of 3, 2 and 3 points, in three panels.
  assert.equal(dotsOf(figure), 3 * 8);
  const rows = readCsv(figure.csv);
  assert.equal(rows.length, 2 * 8);
  assert.match(figure.reading, /MLP −40\.0 points \(−5\d\.\d to −[23]\d\.\d\) at 4/);
  const single = evaluations();
  for (const { tasks } of single) delete tasks.arc_easy;
  assert.equal(dotsOf(accuracyFigure(single)), 8);
});

Deno.test("the change: each task counts once, over the same documents only; few of them cannot tell", () => {
  const [full, less] = [evaluation(32), evaluation(24)];
  const { difference, low, high, equivalence, verdict, n } = accuracyChange(less, full);
  assert.ok(Math.abs(difference + 0.2) < 1e-12);
  assert.ok(low < -0.2 && high > -0.2 && high < 0);
  assert.ok(equivalence > 0.99);
  assert.deepEqual([verdict, n], ["no", 80]);
  // The same answers to 40 documents of each task: the mean of two intervals of ±(1 − 0.05^(1/40)).
  const same = accuracyChange(full, full);
  assert.equal(same.difference, 0);
  assert.ok(Math.abs(same.high - (1 - 0.05 ** (1 / 40)) / Math.SQRT2) < 1e-9 && same.low === -same.high);
  assert.deepEqual([same.verdict, same.margin, same.n], ["cannot tell", 0.02, 80]);
  assert.ok(same.equivalence > 0.05);
  // A task with a quarter of the documents counts as much: piqa loses nothing, arc_easy half of what it had.
  const uneven = (right: number) => {
    const result = evaluation(32);
    const { arc_easy } = result.tasks;
    const items = arc_easy.items.slice(0, 10).map((item, i) => ({ ...item, acc: Number(i < right) }));
    return { ...result, tasks: { ...result.tasks, arc_easy: { ...arc_easy, n: 10, items } } };
  };
  assert.ok(Math.abs(accuracyChange(uneven(4), uneven(8)).difference + (0 + 0.4) / 2) < 1e-12);
  assert.throws(() => accuracyChange(uneven(4), full), {
    name: "RangeError",
    message: "Cannot compare accuracies of arc_easy: found different documents, expected the same",
  });
});

Deno.test("claims C1 and C2: every plan by importance with its interval, and whether it is equal to the full model", () => {
  const [c1, c2] = accuracyClaims(evaluations());
  assert.deepEqual([c1.id, c2.id], ["C1", "C2"]);
  assert.match(c1.measured, /^Mean accuracy over piqa, arc_easy \(80 documents\), full model 80\.0 %\. /);
  assert.match(
    c1.measured,
    /2 of 12: 0\.0 points \(95 %: −5\.1 to 5\.1\), cannot tell; 4 of 12: 0\.0 points .*, cannot tell\. Equal: /,
  );
  assert.match(
    c2.measured,
    /2 of 12: −30\.0 points \(95 %: −\d\d\.\d to −\d\d\.\d\), not equal; 4 of 12: −40\.0 points/,
  );
  assert.deepEqual(accuracyClaims(evaluations().slice(0, 2)).map(({ id }) => id), ["C1"]);
});

Deno.test("a section has a row for each plan; results without the full model are refused", () => {
  const { tables: [{ head, rows }], claims, figures } = sections.tasks(evaluations());
  assert.equal(rows.length, 5);
  assert.ok(rows.every((row) => row.length === head.length));
  assert.deepEqual(rows.map(([dropped]) => dropped), [
    "2 attention",
    "4 attention",
    "4 attention, random",
    "2 MLP",
    "4 MLP",
  ]);
  assert.deepEqual([claims.length, figures.length], [2, 1]);
  assert.equal(head.at(-1), "within 2.0");
  assert.deepEqual(rows.map((row) => row.at(-1)), ["cannot tell", "cannot tell", "no", "no", "no"]);
  assert.throws(
    () => accuracyFigure([evaluation(20, plan("mlp", 2))]),
    /found no result of the full model, expected one/,
  );
});

Deno.test("a group counts once in the mean, the claims and the figure, as in an evaluation's average", () => {
  const grouped = (right: number, plan = {}) => {
    const result = evaluation(right, plan);
    const { piqa, arc_easy } = result.tasks;
    const tasks = { mmlu_a: piqa, mmlu_b: piqa, arc_easy };
    const groups = {
      mmlu: {
        tasks: ["mmlu_a", "mmlu_b"],
        n: 80,
        acc: 0,
        stderr: 0,
        low: 0,
        high: 1,
        against: null,
        kept: null,
        logprob: null,
      },
    };
    return { ...result, tasks, groups };
  };
  const [full, less] = [grouped(32), grouped(24, plan("attention", 2))];
  less.tasks.arc_easy = full.tasks.arc_easy;
  assert.ok(Math.abs(accuracyChange(less, full).difference + (0.2 + 0) / 2) < 1e-12);
  const [claim] = accuracyClaims([full, less]);
  assert.match(claim.measured, /^Mean accuracy over mmlu, arc_easy \(120 documents\), full model 80\.0 %/);
  assert.match(
    accuracyFigure([full, less]).setting,
    /mmlu \(acc, 80\), arc_easy/,
  );
});

Deno.test("generated answers have shares of their own: they are drawn, and nothing is NaN", () => {
  const written = (right: number, plan = {}) => {
    const result = evaluation(right, plan);
    const { arc_easy: { acc: _, metrics, items, ...task } } = result.tasks;
    const gsm8k = {
      ...task,
      strict: right / 40,
      metrics: { strict: metrics.acc, flexible: metrics.acc },
      items: items.map(({ acc = 0, ...item }) => ({ ...item, gold: null, strict: acc, flexible: acc })),
    };
    return { ...result, tasks: { gsm8k } };
  };
  const figure = accuracyFigure([written(20), written(10, plan("mlp", 2))]);
  assert.match(figure.reading, /MLP −25\.0 points/);
  assert.match(figure.setting, /gsm8k \(strict, 40\)/);
  assert.doesNotMatch(figure.svg, /NaN|undefined/);
});

Deno.test("no interval is shown as if it had no width", () => {
  assert.equal(formatPointsRange(-0.0002, 0.0002), "−0.02 … 0.02");
  assert.equal(formatPointsRange(-0.051, 0.051, " to "), "−5.1 to 5.1");
  assert.equal(formatPointsRange(0, 0), "0.000000 … 0.000000"); // not an interval
});

Deno.test("the table: every number has an interval, every change a verdict, and a note says what it would take", () => {
  const [full, less] = [evaluation(0), evaluation(0, { mlp: [3] })];
  const against = changeOver([{ n: 40, gained: 0, lost: 0 }], 0.02);
  for (const task of Object.values(less.tasks)) task.metrics.acc = { ...task.metrics.acc, against };
  const mean = meanInterval([shareInterval(0, 40), shareInterval(0, 40)]);
  less.average = { of: ["piqa acc", "arc_easy acc"], stderr: 0, ...mean, against };
  const text = tableText([full, less]);
  assert.match(text, /piqa +0 +40 +acc +0\.0 % +0\.0 … 8\.8\n/);
  assert.match(text, /piqa +acc +0\.0 % +0\.0 … 8\.8 +0\.0 +−7\.2 … 7\.2 +cannot tell/);
  assert.match(text, /average +mean +0\.0 % +0\.0 … 6\.2 +0\.0 +−7\.2 … 7\.2 +cannot tell/);
  assert.match(text, /cannot tell: .* a task needs 149 documents/);
  assert.doesNotMatch(text, /0\.0 … 0\.0/);
  const row = rowsOf([less]).at(-1)!;
  assert.deepEqual([row.task, row.stderr, row.verdict, row.change], ["average", 0, "cannot tell", 0]);
  assert.ok(row.value_high as number > 0.06 && row.high as number > 0.07);
});
