/** Tables: as HTML, columns of CSV, lists sorted by 95 % intervals and plans in words. */
import assert from "node:assert/strict";
import { rowsOf, tablesOf } from "core/show/looks.ts";
import { tablesHtml } from "core/show/tables/html.ts";
import { planPhrase } from "core/measure/mod.ts";
import { byInterval } from "core/result/mod.ts";
import { riseOf, type Sweep } from "features/sweep/mod.ts";
import { results } from "./every_result.ts";

Deno.test("a table as HTML has the cells of the text", () => {
  for (const list of Object.values(results)) {
    const html = tablesHtml(tablesOf(list));
    for (const { head, rows, left } of tablesOf(list)) {
      for (const row of rows) assert.equal(row.length, head.length);
      assert.ok(left.every((column) => column < head.length));
    }
    const cells = tablesOf(list).flatMap(({ head, rows }) => [...head, ...rows.flat()]);
    assert.equal([...html.matchAll(/<t[hd] /g)].length, cells.length);
  }
});

Deno.test("columns of CSV are named in snake_case, one name for one thing", () => {
  const names = new Set(Object.values(results).flatMap((list) => Object.keys(rowsOf(list)[0] ?? {})));
  const others = [...names].filter((name) => !/^[a-z][a-z0-9_]*$/.test(name));
  assert.deepEqual(others, ["angular-last"]);
});

Deno.test("a plan is without what it drops and with what it changes", () => {
  const mean = { layer: 5, module: "attention", to: "mean", tensors: "0".repeat(64) } as const;
  assert.equal(planPhrase({ attention: [], mlp: [] }), "full model");
  assert.equal(planPhrase({ attention: [1], mlp: [1] }), "without block 1");
  const changes = [mean];
  assert.equal(planPhrase({ attention: [], mlp: [], changes }), "with attention 5 (mean)");
  assert.equal(planPhrase({ attention: [], mlp: [4], changes }), "without MLP 4, with attention 5 (mean)");
});

Deno.test("a list is sorted by what its intervals say; a touch of zero and a single sample say nothing", () => {
  const items = [[-2, -1], [1, 2], [-1, 0], [0, 1], [-1, 1], [null, null]] as const;
  assert.deepEqual(byInterval(items, ([low, high]) => ({ low, high })), {
    below: [[-2, -1]],
    above: [[1, 2]],
    neither: [[-1, 0], [0, 1], [-1, 1], [null, null]],
  });
});

Deno.test("a rise has the interval of Student's t over its samples, a difference of two that of independent errors", () => {
  // 97.5 % quantile for 7 degrees of freedom, from tables: 2.365; 3, 4, 5 make the hypotenuse exact.
  const t = 2.364624251592784;
  const [point, other] = [{ rise: 1, riseError: 0.3 }, { rise: 0.25, riseError: 0.4 }];
  const around = (rise: number, error: number) => ({ rise, low: rise - t * error, high: rise + t * error });
  assertClose(riseOf(over(8), point), around(1, 0.3));
  assertClose(riseOf(over(8), point, { than: other }), around(0.75, 0.5));
});

Deno.test("a single sample, and a point without an error, have no interval", () => {
  const open = { rise: 1, low: null, high: null };
  for (const riseError of [null, 0.1]) assert.deepEqual(riseOf(over(1), { rise: 1, riseError }), open);
  const than = { rise: 0, riseError: null };
  assert.deepEqual(riseOf(over(8), { rise: 1, riseError: 0.1 }, { than }), open);
  assert.throws(() => riseOf(over(8), { rise: NaN, riseError: 0 }), /Cannot compare losses/);
});

const over = (samples: number) =>
  ({ kind: "sweep", provenance: { packing: { samples } } }) as unknown as Sweep;

/** Equal but for the rounding of a few float64 operations. */
function assertClose(found: ReturnType<typeof riseOf>, expected: ReturnType<typeof riseOf>) {
  for (const key of ["rise", "low", "high"] as const) {
    const error = Math.abs(found[key]! - expected[key]!);
    assert.ok(error < 1e-9, `${key}: ${found[key]}, expected ${expected[key]}`);
  }
}
