/** The share of drafted tokens that are accepted, beside whole distributions in float64. */
import assert from "node:assert/strict";
import type { Engine } from "../../src/engine/mod.ts";
import type { Model } from "../../src/models/mod.ts";
import {
  type Blocks,
  type DropPlan,
  noDrop,
  reference,
  score,
  segmentsOf,
  textLogits,
} from "../../src/run/mod.ts";
import { draftedRows } from "../../src/run/head/head.ts";
import {
  engine,
  engineWith,
  largest,
  randomBlocks,
  stateTolerance,
  thorough,
  withFixture,
} from "../support.ts";

Deno.test("all rows of a short text are measured, at least 32 of a longer one, and at last every 16th", () => {
  for (let predicted = 0; predicted < 3000; predicted++) {
    const rows = draftedRows(predicted);
    assert.ok(rows.length >= Math.min(predicted, 32), `${predicted}: ${rows.length} rows`);
    assert.ok(rows.every((row, i) => row < predicted && (i === 0 || row > rows[i - 1])), `${predicted}`);
    if (predicted < 64) assert.equal(rows.length, predicted);
    if (predicted >= 512) assert.ok(Math.abs(rows.length - predicted / 16) <= 1);
  }
});

/** Σ_v p of a row's logits in float64. */
function probabilities(logits: Float32Array): Float64Array {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const shares = Float64Array.from(logits, (z) => Math.exp(z - most));
  const sum = shares.reduce((a, b) => a + b);
  return shares.map((share) => share / sum);
}

/** Σ over the drafted rows of a text, from all logits of both plans; and the largest of them. */
async function expected(model: Model, { ids, length }: Blocks, text: number, plan: DropPlan) {
  const own = { model, engine, ids: ids.subarray(text * length, (text + 1) * length) };
  const [full, draft] = [await textLogits({ ...own, plan: noDrop }), await textLogits({ ...own, plan })];
  const { vocabulary } = model.spec;
  const at = ({ data }: { data: Float32Array }, row: number) =>
    probabilities(data.subarray(row * vocabulary, (row + 1) * vocabulary));
  const rows = draftedRows(length - 1);
  const sum = rows.reduce((sum, row) => {
    const [p, q] = [at(full, row), at(draft, row)];
    return sum + p.reduce((total, value, v) => total + Math.min(value, q[v]), 0);
  }, 0);
  return { sum, most: Math.max(largest(full.data), largest(draft.data)), rows: rows.length };
}

async function scoreOn(on: Engine, model: Model, blocks: Blocks, plans: DropPlan[]) {
  const segments = segmentsOf(blocks);
  const full = await reference({ model, engine: on, segments });
  try {
    return await score({ model, engine: on, segments, plans, reference: full, drafts: true });
  } finally {
    full.free();
  }
}

for (const name of ["llama", "gemma2", "gpt2"]) {
  const test = name === "llama" ? Deno.test : thorough;
  test(`${name}: acceptance over one slice of the vocabulary and over slices of seven words`, () =>
    withFixture(name, async ({ model }) => {
      const { hidden, vocabulary } = model.spec;
      const plans = [noDrop, { attention: [0], mlp: [] }, { attention: [0, 1], mlp: [1] }];
      // More than 64 tokens: every second row is measured.
      const blocks = randomBlocks(2, 66, vocabulary);
      for (const on of [engine, engineWith({ bindingBytes: 4 * hidden * 7 })]) {
        const scores = await scoreOn(on, model, blocks, plans);
        for (const [i, plan] of plans.entries()) {
          for (const [text, { accepted, drafted }] of scores[i].entries()) {
            const { sum, most, rows } = await expected(model, blocks, text, plan);
            assert.equal(drafted, rows);
            // Both sides' logits are off by a relative tolerance; Σ min(p, q) moves by at most twice that for each side.
            const tolerance = 4 * stateTolerance(model.spec) * most * rows;
            assert.ok(Math.abs(accepted - sum) <= tolerance, `${accepted}, expected ${sum} ± ${tolerance}`);
            assert.ok(accepted >= 0 && accepted <= drafted);
          }
        }
      }
      assert.equal(engine.live, 0);
    }));
}

Deno.test("without a reference nothing is accepted or drafted", () =>
  withFixture("llama", async ({ model }) => {
    const segments = segmentsOf(randomBlocks(1, 20, model.spec.vocabulary));
    const [[{ accepted, drafted }]] = await score({ model, engine, segments, plans: [noDrop] });
    assert.deepEqual([accepted, drafted], [0, 0]);
  }));
