/** What tables say of plans as drafts. */
import assert from "node:assert/strict";
import { bestRound, DRAFTING, draftingNotes, draftingText } from "../../src/show/tables/drafting.ts";
import { recordsOf, tableOf } from "../../src/show/tables/table.ts";

const plan = (acceptance: number, cost: number, acceptanceHalfWidth: number | null = 0.05) => ({
  acceptance,
  acceptanceHalfWidth,
  draft: { context: 512, cost },
});

Deno.test("a plan's row has its acceptance, its cost and the largest speed-up", () => {
  const rows = [plan(0.9, 0.5), plan(0.8, 0.88), { acceptance: 1 }, {}];
  assert.deepEqual(tableOf(rows, DRAFTING).rows, [
    ["90.0 %", "5.0 %", "0.50", "1.38"],
    ["80.0 %", "5.0 %", "0.88", "0.96"],
    ["100.0 %", "–", "–", "–"],
    ["–", "–", "–", "–"],
  ]);
  const [{ draft_tokens, draft_speedup }, ...others] = recordsOf(rows, DRAFTING);
  assert.deepEqual([draft_tokens, Number(draft_speedup).toFixed(3)], [3, "1.376"]);
  assert.deepEqual(others.map(({ draft_tokens }) => draft_tokens), [1, null, null]);
});

Deno.test("notes say what the numbers rest on, and whether drafting can gain", () => {
  const [basis, one] = draftingNotes([plan(0.9, 0.5), {}]);
  assert.match(basis, /^as draft: the speed-up at most .* after 512 tokens in 16 bits\)$/);
  assert.equal(
    one,
    "drafting can gain: a drafted token takes 0.500 of the time of a full one, less than the share accepted, 0.850 to 0.950",
  );
  const [, several] = draftingNotes([plan(0.9, 0.5), plan(0.8, 0.88), { acceptance: 1 }]);
  assert.equal(
    several,
    "drafting can gain with 1 of 2 plans and cannot with 1, by the 95 % interval of the share accepted",
  );
  const mixed = [plan(0.9, 0.5), { acceptance: 0.9, draft: { context: 64, cost: 0.5 } }];
  assert.match(draftingNotes(mixed)[0], /after 64 or 512 tokens/);
});

Deno.test("no verdict goes beyond the interval of the share accepted", () => {
  const verdict = (...drafts: ReturnType<typeof plan>[]) => draftingNotes(drafts)[1];
  assert.equal(
    verdict(plan(0.8, 0.88)),
    "drafting cannot gain: a drafted token takes 0.880 of the time of a full one, more than the share accepted, 0.750 to 0.850",
  );
  assert.equal(
    verdict(plan(0.86, 0.88)),
    "cannot tell whether drafting gains: a drafted token takes 0.880 of the time of a full one, and the share accepted is 0.810 to 0.910",
  );
  assert.equal(
    verdict(plan(0.9, 0.5, null)),
    "cannot tell whether drafting gains: a drafted token takes 0.500 of the time of a full one, " +
      "and the share accepted, 0.900, has no interval",
  );
  assert.match(
    verdict(plan(0.98, 0.5), plan(0.86, 0.88)),
    /gain with 1 of 2 plans and cannot with 0 \(cannot tell for 1\), by/,
  );
});

Deno.test("results of earlier versions, and the full model alone, say nothing of drafts", () => {
  for (const rows of [[], [{}], [{ acceptance: 1 }], [{ draft: { context: 1, cost: 0.5 } }]]) {
    assert.deepEqual(draftingNotes(rows), []);
    assert.ok(rows.every((row) => bestRound(row) === null && draftingText(row) === null));
  }
});

Deno.test("a draft that is always accepted and costs nothing, and one that is never accepted, have finite numbers", () => {
  for (const acceptance of [0, 1]) {
    for (const cost of [0, 1e-9, 1, 3]) {
      const { speedup, drafted } = bestRound(plan(acceptance, cost))!;
      assert.ok(Number.isFinite(speedup) && speedup > 0 && drafted >= 1);
    }
  }
});
