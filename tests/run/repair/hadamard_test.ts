/** Hadamard matrices: orthogonal, of ±1, of every width that models have. */
import assert from "node:assert/strict";
import { hadamard, openProducts } from "../../../src/run/mod.ts";
import { engine } from "../../support.ts";

Deno.test("Hadamard matrices have entries of one size and orthogonal rows", async () => {
  const products = await openProducts(engine);
  try {
    for (const order of [1, 2, 4, 12, 20, 28, 32, 36, 48, 72, 576, 640, 768, 896, 960, 1152, 1536, 2048]) {
      const matrix = hadamard(order);
      assert.ok(matrix.data.every((value) => Math.abs(value ** 2 * order - 1) < 1e-12), `order ${order}`);
      const { data } = await products.multiply(matrix, matrix, true);
      // A sum of `order` products, each of which is 1 / order, rounds to float64's last digits.
      const wrong = data.findIndex((value, i) => Math.abs(value - Number(i % (order + 1) === 0)) > 1e-12);
      assert.equal(wrong, -1, `order ${order}: ${data[wrong]} at ${wrong}`);
    }
  } finally {
    await products.release();
  }
});

Deno.test("an order that cannot be made is refused by name", () => {
  for (const order of [0, -4, 3, 6, 92, 2.5, NaN]) {
    assert.throws(() => hadamard(order), (error: Error) => {
      assert.ok(error instanceof RangeError && error.message.includes(`of order ${order},`), error.message);
      return true;
    });
  }
});
