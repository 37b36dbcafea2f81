/** Whether a fit is worth it, decided by sizes and the quartiles of times, and what larger savings cost. */
import assert from "node:assert/strict";
import type { Fit } from "features/fit/mod.ts";
import { fit, nothing } from "../../core/show/synthetic_fit.ts";

const shape = { layers: 6 };
const decoding = (low: number, high: number): Partial<Fit> => {
  const times = fit(shape).times!;
  return { times: { ...times, decode: { median: (low + high) / 2, low, high } } };
};
const verdict = (own: Partial<Fit>) => fit(shape, own).verdict;

Deno.test("a plan is worth it by the size or by the speed, whose quartiles may leave it open; a target is its reader's to judge", () => {
  const tried = fit(shape).tried.map((one) => ({ ...one, bytes: 1000 - 30 * one.dropped }));
  const sized = (original: number, whole: number) =>
    ({ tried, file: { format: "hf", original, whole }, times: null }) as const;
  type Word = string | null;
  const rows: [Partial<Fit>, worth: Word, size: Word, speed: Word, share: number][] = [
    [decoding(1.06, 1.2), "yes", "no", "yes", 0.04],
    [decoding(1, 1.04), "no", "no", "no", 0.04],
    [decoding(1, 1.1), "cannot tell", "no", "cannot tell", 0.04],
    [{ times: null }, "no", "no", null, 0.04],
    [sized(1000, 1000), "yes", "yes", null, 0.06],
    [sized(500, 1000), "no", "no", null, -0.88],
    [{ ...sized(1000, 1000), aim: { of: "parameters", amount: 0.1 } }, null, null, null, 0.06],
  ];
  for (const [own, ...expected] of rows) {
    const { worth, size, speed, share } = verdict(own);
    assert.deepEqual([worth, size, speed, Math.round(100 * share!) / 100], expected);
  }
});

Deno.test("where nothing may go, a plan that may keep the promise leaves it open", () => {
  assert.equal(nothing(shape).verdict.worth, "no");
  const { tried, ...own } = nothing(shape);
  const open = fit(shape, { ...own, tried: [...tried, { ...tried[0], keeps: "cannot tell" }] });
  assert.equal(open.verdict.worth, "cannot tell");
});

Deno.test("larger savings are those that no cheaper plan beats, each half as much again, at their confirmed cost; a larger file is none", () => {
  const { tried, verdict: { larger }, confirmed } = fit(shape);
  const found = larger.map((one) => [tried[one.tried].target, tried[one.tried].dropped, one.confirmed]);
  assert.deepEqual(found, [["attention", 3, true], ["mlp", 2, false]]);
  assert.deepEqual(larger.map(({ cost }) => cost), [confirmed[2].cost, tried[5].cost]);
  assert.ok(larger[1].share >= 1.5 * larger[0].share);
  const file = { format: "onnx", original: 500, whole: 1000 };
  const bytes = tried.map((one) => ({ ...one, bytes: 700 - one.dropped }));
  assert.deepEqual(verdict({ file, tried: bytes }).larger, []);
});
