import assert from "node:assert/strict";
import { sinkRate } from "../../src/measure/mod.ts";

Deno.test("sinkRate is the share of heads whose mean first share is above ε", () => {
  assert.equal(sinkRate([0.1, 0.3, 0.31, 0.9]), 0.5);
  assert.equal(sinkRate([0.1, 0.3, 0.31, 0.9], 0.8), 0.25);
  assert.throws(() => sinkRate([]), { name: "RangeError", message: /no heads/ });
});
