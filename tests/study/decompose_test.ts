import assert from "node:assert/strict";
import { eachSum } from "../../src/measure/mod.ts";
import { profileOf } from "../../src/result/mod.ts";
import { decompose, importanceOf, magnitudeShare } from "../../src/study/mod.ts";
import { provenance, sizes } from "../result/samples.ts";

/** A profile whose layers have tokens of these (r, s): relative magnitude and cosine to the stream. */
function profileWith(layers: readonly (readonly (readonly [number, number])[] | null)[]) {
  const sums = layers.map((tokens) =>
    tokens && [{
      ...eachSum(0),
      counted: tokens.length,
      distance: tokens.reduce((sum, [r, s]) => sum + direct(r, s), 0),
      magnitude: tokens.reduce((sum, [r]) => sum + r, 0),
      sign: tokens.reduce((sum, [, s]) => sum + s, 0),
      norm: tokens.length,
      largest: Math.max(...tokens.map(([r]) => r)),
      above2: tokens.filter(([r]) => r > 2).length,
    }]
  );
  return profileOf(provenance(1), { attention: sums, mlp: sums, block: sums }, sizes(sums.length));
}

/** 1 − cos(X, X + u) from vectors: X = (1, 0), u = r (s, √(1 − s²)). */
function direct(r: number, s: number): number {
  const [x, y] = [1 + r * s, r * Math.sqrt(1 - s * s)];
  return 1 - x / Math.hypot(x, y);
}

Deno.test("importance of magnitude and cosine is that of the vectors", () => {
  for (const r of [0.05, 0.4, 1, 3]) {
    for (const s of [-1, -0.6, 0, 0.3, 0.99]) {
      if (r === 1 && s === -1) continue; // the update cancels the stream
      const [actual, expected] = [importanceOf(r, s), direct(r, s)];
      assert.ok(Math.abs(actual - expected) < 1e-14, `r ${r}, s ${s}: ${actual}, expected ${expected}`);
    }
  }
});

Deno.test("the factors multiply to the importance; equal tokens have no spread", () => {
  const parts = decompose(profileWith([[[0.2, 0.1], [0.2, 0.1]], [[0.1, 0], [0.5, 0]]]), "attention");
  for (const { importance, magnitude, angle, spread } of parts) {
    assert.ok(Math.abs(magnitude * angle * spread / importance - 1) < 1e-12);
  }
  assert.ok(Math.abs(parts[0].spread - 1) < 1e-12);
  assert.ok(parts[0].angle < 1, "along the stream turns less");
  assert.equal(parts[1].angle, 1);
  assert.ok(parts[1].spread > 1, "a convex function's mean is above its value at the mean");
});

Deno.test("dropped and empty modules have no factors, and keep the others' layers", () => {
  const parts = decompose(profileWith([null, [[0.2, 0]], [[0, 0]], [[0.3, 0]]]), "mlp");
  assert.deepEqual(parts.map(({ layer }) => layer), [1, 3]);
});

Deno.test("magnitude explains orthogonal updates fully, and others less", () => {
  const share = (layers: [number, number][]) =>
    magnitudeShare(profileWith(layers.map((token) => [token])), "block");
  const orthogonal = share([[0.1, 0], [0.3, 0], [0.2, 0], [0.7, 0]]);
  assert.ok(Math.abs(orthogonal.rankCorrelation - 1) < 1e-12);
  assert.ok(Math.abs(orthogonal.explained - 1) < 1e-12);
  const mixed = share([[0.1, 0], [0.3, 0.99], [0.2, 0], [0.7, 0.99]]);
  assert.ok(mixed.rankCorrelation < 1 && mixed.explained < 0.9);
});

Deno.test("the importance of an orthogonal update is 1 − cos of the angle it turns by", () => {
  for (const r of [1e-6, 0.01, 0.3, 1, 14]) {
    // 1 − cos loses half of the digits to cancellation for small angles: compare with 2 sin²(angle / 2).
    const exact = 2 * Math.sin(Math.atan(r) / 2) ** 2;
    assert.ok(Math.abs(importanceOf(r, 0) / exact - 1) < 1e-14, String(r));
  }
});
