/** Shared runs of 13 tokens: exact numbers on short lists, and the hash against comparison of the tokens themselves. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { runsOf, sharedShare } from "../../src/text/mod.ts";

/** The numbers from `from` up to `to`. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** The share, with runs as texts instead of hashes. */
function exactShare(calibration: readonly number[], texts: readonly (readonly number[])[]): number {
  const runs = (ids: readonly number[]) => ids.slice(12).map((_, at) => ids.slice(at, at + 13).join(" "));
  const known = new Set(runs(calibration));
  const all = texts.flatMap(runs);
  return all.length === 0 ? 0 : all.filter((run) => known.has(run)).length / all.length;
}

Deno.test("the share is that of the evaluated text's runs of 13 tokens", () => {
  const calibration = runsOf(range(0, 40));
  assert.equal(calibration.size, 28);
  assert.equal(sharedShare(calibration, [range(0, 40)]), 1);
  assert.equal(sharedShare(calibration, [range(40, 80)]), 0);
  assert.equal(sharedShare(calibration, [range(30, 52)]), 0, "10 shared tokens are no run");
  assert.equal(sharedShare(calibration, [range(27, 49)]), 1 / 10, "13 shared tokens are one of 10 runs");
  assert.equal(sharedShare(calibration, [range(0, 13), range(100, 114)]), 1 / 3);
  assert.equal(sharedShare(calibration, [range(0, 40).reverse()]), 0, "the order counts");
  assert.equal(sharedShare(runsOf(range(0, 13)), [range(0, 26)]), 1 / 14);
});

Deno.test("a text of fewer than 13 tokens has no runs, and shares nothing", () => {
  for (const short of [[], [1], range(0, 12)]) {
    assert.equal(runsOf(short).size, 0);
    assert.equal(sharedShare(runsOf(range(0, 40)), [short]), 0);
    assert.equal(sharedShare(runsOf(short), [range(0, 40)]), 0);
  }
  assert.equal(sharedShare(runsOf(range(0, 40)), []), 0);
  assert.equal(sharedShare(runsOf(Int32Array.of()), [new Int32Array(100)]), 0);
});

Deno.test("a run of one token is like any other", () => {
  const same = (id: number, length: number) => new Int32Array(length).fill(id);
  assert.equal(runsOf(same(0, 100)).size, 1);
  assert.equal(sharedShare(runsOf(same(0, 13)), [same(0, 50)]), 1);
  assert.equal(sharedShare(runsOf(same(0, 100)), [same(1, 100)]), 0);
});

Deno.test("hashes find what a comparison of the tokens finds", () => {
  const ids = fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 200 });
  fc.assert(fc.property(ids, fc.array(ids, { maxLength: 3 }), (calibration, texts) => {
    assert.equal(sharedShare(runsOf(calibration), texts), exactShare(calibration, texts));
  }));
});

Deno.test("a million different runs have a million hashes", () => {
  // Two of 10⁶ have the same hash of 53 bits with probability 10¹² / 2⁵⁴ = 6e-5; these are fixed.
  assert.equal(runsOf(range(0, 1_000_012)).size, 1_000_000);
  const ids = range(0, 13);
  const changed = new Set<number>();
  for (let at = 0; at < 13; at++) {
    for (let bit = 0; bit < 31; bit++) {
      const [hash] = runsOf(ids.map((id, i) => i === at ? id ^ 1 << bit : id));
      changed.add(hash);
      assert.ok(Number.isSafeInteger(hash) && hash >= 0);
    }
  }
  assert.equal(changed.size, 13 * 31, "every bit of every token counts");
});
