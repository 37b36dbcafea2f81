/** Tables: as HTML, columns of CSV and lists sorted by 95 % intervals. */
import assert from "node:assert/strict";
import { rowsOf, tablesOf } from "core/show/looks.ts";
import { tablesHtml } from "core/show/tables/html.ts";
import { byInterval } from "core/result/mod.ts";
import { riseOf, riseSign } from "features/sweep/mod.ts";
import { intervalWords, reading } from "core/show/words/mod.ts";
import { results } from "./every_result.ts";
import { sweep } from "./synthetic.ts";

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

Deno.test("a list is sorted by what its intervals say; a touch of zero and a single sample say nothing", () => {
  const items = [[-2, -1], [1, 2], [-1, 0], [0, 1], [-1, 1], [null, null]] as const;
  assert.deepEqual(byInterval(items, ([low, high]) => ({ low, high })), {
    below: [[-2, -1]],
    above: [[1, 2]],
    neither: [[-1, 0], [0, 1], [-1, 1], [null, null]],
    same: [],
  });
  const [same, other] = [{ low: 0, high: 0, same: true }, { low: 0, high: 0 }];
  assert.deepEqual(byInterval([same, other], (item) => item), {
    below: [],
    above: [],
    neither: [other],
    same: [same],
  });
});

Deno.test("a rise has the interval of Student's t over its samples, a difference from another sweep's that of independent errors", () => {
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

/** A sweep over so many samples, with these points in its first curve. */
function over(samples: number, points: readonly object[] = []) {
  const made = sweep({ layers: 4, samples });
  const [first, ...rest] = made.curves;
  const own = points.map((point) => ({ ...first.points[0], ...point }));
  return { ...made, curves: [{ ...first, points: own }, ...rest] };
}

/** A sweep's point without these layers' attention, by its rises over two samples. */
const pointAt = (attention: readonly number[], ...rises: readonly [number, number]) => ({
  drop: { attention, mlp: [] },
  rise: (rises[0] + rises[1]) / 2,
  riseError: Math.abs(rises[0] - rises[1]) / 2,
  rises,
});

Deno.test("two points of a sweep are paired over its samples, also where one was read again", () => {
  // Differences 0.5 and 0.75: mean 0.625, standard error 0.125; t of one degree of freedom is 12.706.
  const [point, than] = [pointAt([1], 1.5, 9.75), pointAt([2], 1, 9)];
  const result = over(2, [point, than]);
  const half = 12.706204736432095 * 0.125;
  const expected = { rise: 0.625, low: 0.625 - half, high: 0.625 + half };
  assertClose(riseOf(result, point, { than }), expected);
  assertClose(riseOf(result, point, { than: JSON.parse(JSON.stringify(than)) }), expected);
  // As independent, the samples' own differences would stay: errors of 4.125 and 4.
  const apart = riseOf(over(2, [point]), point, { than });
  assert.ok(apart.high! - apart.rise > 40 * half, `${apart.high}`);
});

Deno.test("two points with the same modules say so, in words too", () => {
  const [point, than] = [pointAt([1, 2], 1, 3), pointAt([2, 1], 1, 3)];
  const found = riseOf(over(2, [point, than]), point, { than });
  assert.deepEqual(found, { rise: 0, low: 0, high: 0, same: true });
  const words = { below: "cheaper", above: "dearer", neither: "cannot tell" };
  assert.equal(intervalWords(found, words), "the same modules");
  assert.equal(intervalWords(found, { ...words, same: "the same order" }), "the same order");
  assert.equal(reading`${found} nats`, "0 nats");
  assert.equal(riseSign(point as never, than as never), 0);
  // Other modules that cost as much in both samples are no more than that.
  const other = pointAt([3], 1, 3);
  const equal = riseOf(over(2, [point, other]), point, { than: other });
  assert.deepEqual(equal, { rise: 0, low: 0, high: 0 });
  assert.equal(intervalWords(equal, words), "cannot tell");
});

/** Equal but for the rounding of a few float64 operations. */
function assertClose(found: ReturnType<typeof riseOf>, expected: ReturnType<typeof riseOf>) {
  for (const key of ["rise", "low", "high"] as const) {
    const error = Math.abs(found[key]! - expected[key]!);
    assert.ok(error < 1e-9, `${key}: ${found[key]}, expected ${expected[key]}`);
  }
}
