/** Parts of tensors that are at hand, against the elements counted out. */
import assert from "node:assert/strict";
import type { Tensor } from "../../src/tensor/mod.ts";
import { cutTensors } from "../../src/weights/mod.ts";

const data = Uint16Array.from({ length: 12 }, (_, i) => 0x3c00 + i);
const matrix: Tensor = { dtype: "bf16", shape: [3, 4], data };
const vector: Tensor = { dtype: "f32", shape: [4], data: Float32Array.of(1, 2, 3, 4) };
const tensors = new Map([["w", matrix], ["b", vector]]);

Deno.test("rows are a view, columns a copy, and null is the tensor itself", () => {
  const rows = cutTensors(tensors, new Map([["w", { axis: 0, start: 1, end: 3 }]])).get("w")!;
  assert.deepEqual(rows, { dtype: "bf16", shape: [2, 4], data: data.slice(4) });
  assert.equal(rows.data.buffer, data.buffer);
  const columns = cutTensors(tensors, new Map([["w", { axis: 1, start: 1, end: 3 }]])).get("w")!;
  const expected = Uint16Array.from([1, 2, 5, 6, 9, 10], (i) => data[i]);
  assert.deepEqual(columns, { dtype: "bf16", shape: [3, 2], data: expected });
  const both = cutTensors(tensors, new Map([["b", { axis: 0, start: 2, end: 4 } as const], ["w", null]]));
  assert.deepEqual(both.get("b"), { dtype: "f32", shape: [2], data: Float32Array.of(3, 4) });
  assert.equal(both.get("w"), matrix);
});

Deno.test("a tensor that is not there cannot be cut", () => {
  assert.throws(() => cutTensors(tensors, new Map([["v", null]])), {
    name: "RangeError",
    message: "Cannot cut v: found w, b, expected this tensor among them",
  });
});
