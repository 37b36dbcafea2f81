/** Accuracy against drops: the numbers of the figure, the claims and the section follow from those of the evaluations. */
import assert from "node:assert/strict";
import { accuracyChange, accuracyClaims, accuracyFigure, sections } from "../../src/show/mod.ts";
import { checkFigure, dotsOf, readCsv } from "./check_svg.ts";
import { evaluation, evaluations, plan } from "./synthetic_tasks.ts";

Deno.test("the figure: a point and an interval for each plan in each panel, every curve from the full model on", () => {
  const figure = accuracyFigure(...evaluations());
  checkFigure(figure, "accuracy", /piqa \(acc, 40\), arc_easy \(acc, 40\)/);
  assert.match(
    figure.title,
    /^2 dropped: accuracy 80\.0 % without attention, 50\.0 % without MLPs; full model 80\.0 %/,
  );
  // Three curves of 3, 2 and 3 points, in three panels.
  assert.equal(dotsOf(figure), 3 * 8);
  const rows = readCsv(figure.csv);
  assert.equal(rows.length, 2 * 8);
  assert.match(figure.reading, /MLP −40\.0 points \(−5\d\.\d to −[23]\d\.\d\) at 4/);
  const single = evaluations();
  for (const { tasks } of single[0]) delete tasks.arc_easy;
  assert.equal(dotsOf(accuracyFigure(...single)), 8);
});

Deno.test("the change: each task counts once, over the same documents only; equal is what both tests say", () => {
  const [full, less] = [evaluation(32), evaluation(24)];
  const { difference, low, high, equivalence, n } = accuracyChange(less, full);
  assert.ok(Math.abs(difference + 0.2) < 1e-12);
  assert.ok(low < -0.2 && high > -0.2 && high < 0);
  assert.ok(equivalence! > 0.99);
  assert.equal(n, 80);
  // The same answers differ by nothing, and surely by less than the margin.
  assert.deepEqual(accuracyChange(full, full), {
    difference: 0,
    low: 0,
    high: 0,
    equivalence: 0,
    margin: 0.02,
    n: 80,
  });
  // A task with a quarter of the documents counts as much: piqa loses nothing, arc_easy half of what it had.
  const uneven = (right: number) => {
    const result = evaluation(32);
    const { arc_easy } = result.tasks;
    const items = arc_easy.items.slice(0, 10).map((item, i) => ({
      ...item,
      acc: Number(i < right),
    }));
    return { ...result, tasks: { ...result.tasks, arc_easy: { ...arc_easy, n: 10, items } } };
  };
  assert.ok(Math.abs(accuracyChange(uneven(4), uneven(8)).difference + (0 + 0.4) / 2) < 1e-12);
  assert.throws(() => accuracyChange(uneven(4), full), {
    name: "RangeError",
    message: "Cannot compare accuracies of arc_easy: found other documents, expected the same",
  });
});

Deno.test("claims C1 and C2: every plan by importance with its interval, and which are equal to the full model", () => {
  const [c1, c2] = accuracyClaims(...evaluations());
  assert.deepEqual([c1.id, c2.id], ["C1", "C2"]);
  assert.match(c1.measured, /^Mean accuracy over piqa, arc_easy \(80 documents\), full model 80\.0 %\. /);
  assert.match(
    c1.measured,
    /2 of 12: 0\.0 points \(95 %: 0\.0 to 0\.0\), equal; 4 of 12: 0\.0 points .*, equal\. Equal: /,
  );
  assert.match(
    c2.measured,
    /2 of 12: −30\.0 points \(95 %: −\d\d\.\d to −\d\d\.\d\); 4 of 12: −40\.0 points/,
  );
  const [results, plans] = evaluations();
  assert.deepEqual(accuracyClaims(results.slice(0, 2), plans.slice(0, 2)).map(({ id }) => id), ["C1"]);
});

Deno.test("a section has a row for each plan; results without the full model, or of other plans, are refused", () => {
  const [results, plans] = evaluations();
  const { tables: [{ head, rows }], claims, figures } = sections.tasks({ results, plans });
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
  assert.throws(() => accuracyFigure(results, plans.slice(1)), {
    name: "RangeError",
    message: "Cannot compare plans: found 6 results of 5 plans, expected one of each",
  });
  assert.throws(
    () => accuracyFigure([evaluation(20, plan("mlp", 2))], [plan("mlp", 2)]),
    /none of the results is the full model's, expected it too/,
  );
});
