/** Accuracy against drops: changes against the full model, by task and as a mean. */
import assert from "node:assert/strict";
import { formatPointsRange } from "core/show/words/numbers.ts";
import { accuracyChange } from "features/evaluate/mod.ts";
import { grouped } from "../../core/show/every_words.ts";
import { evaluation } from "../../core/show/synthetic_tasks.ts";

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

Deno.test("a group counts once in the change, as in an evaluation's average", () => {
  const [full, less] = grouped;
  assert.ok(Math.abs(accuracyChange(less, full).difference + 0.2) < 1e-12);
  const half = { ...less, tasks: { ...less.tasks, arc_easy: full.tasks.arc_easy } };
  assert.ok(Math.abs(accuracyChange(half, full).difference + (0.2 + 0) / 2) < 1e-12);
});

Deno.test("no interval is shown as if it had no width", () => {
  assert.equal(formatPointsRange(-0.0002, 0.0002), "−0.02 … 0.02");
  assert.equal(formatPointsRange(-0.051, 0.051, " to "), "−5.1 to 5.1");
  assert.equal(formatPointsRange(0, 0), "0.000000 … 0.000000"); // not an interval
});
