/** Rooflines by hand. */
import assert from "node:assert/strict";
import { DEVICE_NAMES, DEVICES, gamma, roofSeconds } from "../../src/measure/mod.ts";

const roof = { bandwidth: 100, rate: 1000 };

Deno.test("work takes the time of its bytes or of its operations, whichever is longer", () => {
  assert.equal(roofSeconds({ bytes: 200, flops: 10 }, roof), 2);
  assert.equal(roofSeconds({ bytes: 200, flops: 5000 }, roof), 5);
  assert.equal(roofSeconds({ bytes: 500, flops: 5000 }, roof), 5);
  assert.equal(roofSeconds({ bytes: 0, flops: 0 }, roof), 0);
});

Deno.test("gamma is points for each percent; without a speed-up there is none", () => {
  assert.ok(Math.abs(gamma(0.5, 1.25)! - 0.02) < 1e-12);
  assert.ok(gamma(-0.5, 1.25)! < 0);
  assert.equal(gamma(0.5, 1), null);
  assert.equal(gamma(0.5, 0.9), null);
});

Deno.test("devices move between 0.5 and 5 TB/s, and do a hundred operations or more in the time of a byte", () => {
  for (const name of DEVICE_NAMES) {
    const { bandwidth, rate, memory } = DEVICES[name];
    assert.ok(bandwidth > 0.5e12 && bandwidth < 5e12, name);
    assert.ok(rate / bandwidth > 100 && rate / bandwidth < 500, name);
    assert.equal(memory % 2 ** 30, 0);
  }
});
