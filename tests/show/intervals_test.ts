/** Lists sorted by 95 % intervals, and the cost of a sweep's points with theirs. */
import assert from "node:assert/strict";
import { byInterval, riseOf } from "../../src/result/mod.ts";

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
  const [point, other] = [{ rise: 1, riseError: 0.3 }, { rise: 0.25, riseError: 0.4 }];
  assertClose(riseOf(point, { samples: 8 }), {
    difference: 1,
    low: 1 - 2.364624251592784 * 0.3,
    high: 1 + 2.364624251592784 * 0.3,
  });
  assertClose(riseOf(point, { samples: 8, than: other }), {
    difference: 0.75,
    low: 0.75 - 2.364624251592784 * 0.5,
    high: 0.75 + 2.364624251592784 * 0.5,
  });
});

Deno.test("a single sample, and a point without an error, have no interval", () => {
  const open = { difference: 1, low: null, high: null };
  assert.deepEqual(riseOf({ rise: 1, riseError: null }, { samples: 1 }), open);
  assert.deepEqual(riseOf({ rise: 1, riseError: 0.1 }, { samples: 1 }), open);
  assert.deepEqual(
    riseOf({ rise: 1, riseError: 0.1 }, { samples: 8, than: { rise: 0, riseError: null } }),
    open,
  );
  assert.throws(() => riseOf({ rise: NaN, riseError: 0 }, { samples: 8 }), /Cannot compare losses/);
});

/** Equal but for the rounding of a few float64 operations. */
function assertClose(found: ReturnType<typeof riseOf>, expected: ReturnType<typeof riseOf>) {
  for (const key of ["difference", "low", "high"] as const) {
    assert.ok(
      Math.abs(found[key]! - expected[key]!) < 1e-9,
      `${key}: ${found[key]}, expected ${expected[key]}`,
    );
  }
}
