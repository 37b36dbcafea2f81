/** What several profiles say of the least important modules: those that all share, and those of which the samples cannot tell. */
import assert from "node:assert/strict";
import { commonLowest } from "features/profile/signs.ts";
import { profile } from "../../core/show/synthetic.ts";

/** A profile of eight layers, attention's importance by layer and sample, of which the least important quarter is two modules. */
function measured(importance: readonly (readonly number[])[]) {
  const base = profile({ layers: 8, samples: 4 });
  const attention = base.sums.attention.map((samples, layer) =>
    samples!.map((sample, i) => ({ ...sample, distance: sample.counted * importance[layer][i] }))
  );
  const mean = importance.map((own) => own.reduce((sum, value) => sum + value) / own.length);
  return { ...base, sums: { ...base.sums, attention }, attention: { ...base.attention, importance: mean } };
}

const same = (value: number) => Array(4).fill(value);
const rest = [3, 4, 5, 6, 7].map(same);
/** Layers 0 and 1 are the lowest, and 2 far behind them. */
const clear = measured([same(1), same(2), same(20), ...rest]);
/** Layers 0 and 2 are the lowest, and 1 far behind them. */
const decided = measured([same(1), same(20), same(2), ...rest]);
/** The same two are the lowest, and the samples tell 1 from 0 and not from 2. */
const undecided = measured([same(0.1), [1.5, 3, 1.5, 3], [2, 2, 2, 2.5], ...rest]);

Deno.test("a module that some profiles lack counts as unknown where none of them can tell it from their last one", () => {
  const rows = [
    { profiles: [clear], common: 2, unknown: 0 },
    { profiles: [clear, clear], common: 2, unknown: 0 },
    { profiles: [clear, decided], common: 1, unknown: 0 },
    { profiles: [clear, undecided], common: 1, unknown: 1 },
    { profiles: [clear, undecided, undecided], common: 1, unknown: 1 },
    { profiles: [clear, undecided, decided], common: 1, unknown: 0 },
    { profiles: [clear, decided, undecided], common: 1, unknown: 0 },
  ];
  for (const [i, { profiles, ...expected }] of rows.entries()) {
    assert.deepEqual(commonLowest(profiles, "attention"), { ...expected, of: 2 }, `row ${i}`);
  }
});
