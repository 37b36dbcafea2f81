/** Canonical correlations from moments beside those of NumPy's singular values. */
import assert from "node:assert/strict";
import { canonicalBound, openProducts } from "../../../src/run/mod.ts";
import { engine } from "../../support.ts";
import { momentsFrom } from "./sums.ts";

interface Canonical {
  readonly x: number[][];
  readonly cases: { readonly name: string; readonly y: number[][]; readonly bound: number }[];
}

const file = new URL("../../fixtures/repairs/canonical.json", import.meta.url);
const canonical: Canonical = JSON.parse(await Deno.readTextFile(file));

Deno.test("the canonical bound is that of NumPy's singular values, and 0 for a linear map", async () => {
  const { x, cases } = canonical;
  const products = await openProducts(engine);
  try {
    for (const { name, y, bound } of cases) {
      const found = await canonicalBound(momentsFrom(x, y), momentsFrom(y, y), products, 0);
      // Both solve in float64, with conditions up to 1e4.
      assert.ok(Math.abs(found - bound) < 1e-10, `${name}: ${found}, expected ${bound}`);
    }
    const mapped = x.map((row) => row.map((_, i) => 3 * row[i] - row[(i + 1) % 5] + i));
    const none = await canonicalBound(momentsFrom(x, mapped), momentsFrom(mapped, mapped), products);
    // Variances raised by 1e-9 move each of five correlations by as much times a condition of about 1e3.
    assert.ok(none >= 0 && none < 1e-5, `${none}`);
  } finally {
    await products.release();
  }
});

Deno.test("the canonical bound needs more tokens than numbers, and streams of one size", async () => {
  const products = await openProducts(engine);
  const x = canonical.x.slice(0, 3);
  const narrow = x.map((row) => row.slice(1));
  try {
    await assert.rejects(
      canonicalBound(momentsFrom(x, x), momentsFrom(x, x), products, 0),
      /over 3 tokens: they are singular, expected about 50 tokens/,
    );
    await assert.rejects(
      canonicalBound(momentsFrom(x, narrow), momentsFrom(narrow, narrow), products),
      /found 5 numbers and 4/,
    );
  } finally {
    await products.release();
  }
});
