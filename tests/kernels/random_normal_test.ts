import assert from "node:assert/strict";
import { randomNormal, randomNormalCall } from "../../src/kernels/mod.ts";
import { fillNormal, streamKeys } from "../../src/tensor/mod.ts";
import { onEveryDevice } from "./devices.ts";

const keys = streamKeys(7, 3, 2);

const ranges = [[0, 1], [1, 1], [1, 2], [0, 512], [5, 10001], [2 ** 32 - 3, 1000], [2 ** 33 - 999, 999], [
  0,
  3_000_001,
]];

for (const [start, count] of ranges) {
  onEveryDevice(`random_normal has the bits of the CPU: ${count} from ${start} on`, async (device) => {
    for (const scale of count > 1e6 ? [0.02] : [0.02, 1, -3, 0, 2 ** -105]) {
      const expected = new Float32Array(count);
      fillNormal(expected, keys, start, scale);
      const actual = await randomNormal(device, keys, start, count, scale);
      assert.deepEqual(new Uint32Array(actual.buffer), new Uint32Array(expected.buffer));
    }
  });
}

Deno.test("random_normal refuses what it could not draw exactly", () => {
  const refused = (start: number, count: number, scale: number, message: RegExp) =>
    assert.throws(() => randomNormalCall(keys, start, count, scale), { name: "RangeError", message });
  refused(2 ** 33 - 1, 2, 1, /2 from element 8589934591, expected at least one, all below element 2³³/);
  refused(-1, 2, 1, /from element -1/);
  refused(0, 0, 1, /0 from element 0/);
  refused(0, 1, 2 ** -106, /scale is 1.2\d*e-32, expected 0 or at least 2⁻¹⁰⁵/);
  refused(0, 1, NaN, /scale is NaN/);
});
