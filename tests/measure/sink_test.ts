import assert from "node:assert/strict";
import { sinkRate } from "../../src/measure/mod.ts";

Deno.test("sinkRate counts the heads whose mean first share is above ε", () => {
  const layer = [
    ...[1, 0.2, 0.2], // 0.47
    ...[1, 0, 0], // 0.33
    ...[0.3, 0.3, 0.3], // not above 0.3, but for ε below
    ...[1, 0, -0.2], // 0.27
  ];
  assert.equal(sinkRate([layer], 4), 0.5);
  assert.equal(sinkRate([layer], 4, 0.4), 0.25);
  assert.equal(sinkRate([layer, layer.map(() => 1)], 4), 0.75);
});

Deno.test("sinkRate refuses to count nothing", () => {
  assert.throws(() => sinkRate([], 4), {
    name: "RangeError",
    message: "Cannot take a sink rate of 0 × 4 heads, expected some",
  });
});
