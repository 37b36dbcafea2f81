/** Several evaluated plans are one table more, whose cells are the changes of the tables above it; a plan is named by what it does. */
import assert from "node:assert/strict";
import { planPhrase } from "../../src/measure/mod.ts";
import { accuracyChange, type Evaluation } from "../../src/result/mod.ts";
import { tableText } from "../../src/show/mod.ts";
import { evaluation } from "./synthetic_tasks.ts";

const full = evaluation(32);

/** A plan's evaluation, compared with the full model's. */
function compared(right: number, drop: Parameters<typeof evaluation>[1]): Evaluation {
  const result = evaluation(right, drop);
  const against = accuracyChange(result, full);
  for (const { metrics } of Object.values(result.tasks)) metrics.acc.against = against;
  const { stderr, low, high } = result.tasks.piqa.metrics.acc;
  const of = ["piqa acc", "arc_easy acc"];
  return { ...result, average: { value: right / 40, of, stderr, low, high, against } };
}

Deno.test("two plans: a row each, the mean first, in points with their interval", () => {
  const [less, least] = [compared(28, { attention: [1, 2] }), compared(20, { mlp: [3] })];
  const table = tableText([full, less, least]).split("\n\n").at(-2)!;
  const [title, head, ...rows] = table.split("\n");
  assert.equal(title, "change against the full model in points, and its 95 % interval");
  assert.match(head, /^plan +mean +piqa acc +arc_easy acc$/);
  assert.equal(rows.length, 2);
  assert.match(rows[0], /^without attention 1 2( +−10\.0 \(−\d+\.\d … −?\d+\.\d\)){3}$/);
  assert.match(rows[1], /^without MLP 3( +−30\.0 \(−\d+\.\d … −?\d+\.\d\)){3}$/);
});

Deno.test("one plan needs no such table, and neither does the full model alone", () => {
  for (const results of [[full], [full, compared(28, { attention: [1] })], [evaluation(28, { mlp: [1] })]]) {
    assert.doesNotMatch(tableText(results), /change against the full model/);
  }
});

Deno.test("answers that each plan keeps: a row each, with their interval; none for the full model alone", () => {
  const dropped = evaluation(28, { attention: [1] });
  const table = tableText([full, dropped]).split("\n\n").at(-1)!;
  const [title, head, ...rows] = table.split("\n");
  assert.equal(title, "answers kept, right or wrong: their share and its 95 % interval");
  assert.match(head, /^plan +piqa acc +arc_easy acc$/);
  assert.deepEqual(rows.length, 1);
  assert.match(rows[0], /^without attention 1( +70\.0 % \(54\.6 … 81\.9\)){2}$/); // Wilson's for 28 of 40
  assert.doesNotMatch(tableText([full]), /answers kept/);
});

Deno.test("a plan is without what it drops and with what it changes", () => {
  const mean = { layer: 5, module: "attention", to: "mean", tensors: "0".repeat(64) } as const;
  assert.equal(planPhrase({ attention: [], mlp: [] }), "full model");
  assert.equal(planPhrase({ attention: [1], mlp: [1] }), "without block 1");
  assert.equal(planPhrase({ attention: [], mlp: [], changes: [mean] }), "with attention 5 (mean)");
  assert.equal(
    planPhrase({ attention: [], mlp: [4], changes: [mean] }),
    "without MLP 4, with attention 5 (mean)",
  );
  const heads = (layer: number, ...heads: number[]) =>
    ({ layer, module: "attention", to: "weights", heads }) as const;
  assert.equal(
    planPhrase({ attention: [], mlp: [], changes: [heads(15, 0)] }),
    "without attention 15 head 0",
  );
  assert.equal(
    planPhrase({ attention: [], mlp: [4], changes: [mean, heads(7, 0, 2)] }),
    "without MLP 4 · attention 7 heads 0 2, with attention 5 (mean)",
  );
});
