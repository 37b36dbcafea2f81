/** What tables say of plans as drafts. */
import assert from "node:assert/strict";
import { bestRound, DRAFTING, draftingNotes, draftingText } from "../../src/show/tables/drafting.ts";
import { recordsOf, tableOf } from "../../src/show/tables/table.ts";

const plan = (acceptance: number, cost: number, acceptanceHalfWidth: number | null = 0.05) => ({
  acceptance,
  acceptanceHalfWidth,
  acceptanceTokens: 344,
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
  const [accepted, basis, one] = draftingNotes([plan(0.9, 0.5), {}]);
  assert.equal(
    accepted,
    "accepted: of a draft that reads the text with keys and values of its own, at 344 of the predicted tokens (nats, KL and top-1 are over all of " +
      "them); one that writes with the full model reads the model's, which gives another share (`speed` measures it)",
  );
  assert.match(basis, /^as draft: the speed-up with such a draft, .* after 512 tokens in 16 bits\)$/);
  assert.equal(
    one,
    "such a draft can gain: a drafted token takes 0.500 of the time of a full one, less than the share accepted, 0.850 to 0.950",
  );
  const [, , several] = draftingNotes([plan(0.9, 0.5), plan(0.8, 0.88), { acceptance: 1 }]);
  assert.equal(
    several,
    "such drafts can gain with 1 of 2 plans and cannot with 1, by the 95 % interval of the share accepted",
  );
  const mixed = [plan(0.9, 0.5), { acceptance: 0.9, draft: { context: 64, cost: 0.5 } }];
  const [unknown, contexts] = draftingNotes(mixed);
  assert.match(contexts, /after 64 or 512 tokens/);
  assert.match(unknown, /values of its own; one/); // an earlier version does not say of which tokens
});

Deno.test("no verdict goes beyond the interval of the share accepted", () => {
  const verdict = (...drafts: ReturnType<typeof plan>[]) => draftingNotes(drafts)[2];
  assert.equal(
    verdict(plan(0.8, 0.88)),
    "such a draft cannot gain: a drafted token takes 0.880 of the time of a full one, more than the share accepted, 0.750 to 0.850",
  );
  assert.equal(
    verdict(plan(0.86, 0.88)),
    "cannot tell whether such a draft gains: a drafted token takes 0.880 of the time of a full one, and the share accepted is 0.810 to 0.910",
  );
  assert.equal(
    verdict(plan(0.9, 0.5, null)),
    "cannot tell whether such a draft gains: a drafted token takes 0.500 of the time of a full one, " +
      "and the share accepted, 0.900, has no interval",
  );
  assert.match(
    verdict(plan(0.98, 0.5), plan(0.86, 0.88)),
    /gain with 1 of 2 plans and cannot with 0 \(cannot tell for 1\), by/,
  );
});

Deno.test("the sentence of an evaluation names the draft that its share is of", () => {
  const text = draftingText(plan(0.9, 0.6, 0.014))!;
  assert.match(
    text,
    /^as a draft that reads the texts with keys and values of its own, 90\.0 % of the scored tokens are accepted: 1\.23 times/,
  );
  assert.doesNotMatch(text, /at most/); // a draft behind the model's keys may gain more
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
