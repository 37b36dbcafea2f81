import assert from "node:assert/strict";
import { zipfText } from "../../src/subject/mod.ts";

Deno.test("Zipf's text: words of rank r come about 1/r as often as the first, and a longer text begins with a shorter", () => {
  const { blocks: { ids } } = zipfText(1000, { samples: 4, length: 5000 });
  assert.deepEqual(zipfText(1000, { samples: 1, length: 100 }).blocks.ids, ids.slice(0, 100));
  const harmonic = Array.from({ length: 1000 }, (_, i) => 1 / (i + 1)).reduce((a, b) => a + b);
  for (const rank of [1, 2, 5, 20]) {
    const count = ids.filter((id) => id === rank - 1).length;
    const expected = ids.length / harmonic / rank;
    assert.ok(
      Math.abs(count - expected) < 4 * Math.sqrt(expected),
      `${rank}: ${count}, expected ${expected}`,
    );
  }
  assert.ok(ids.every((id) => id >= 0 && id < 1000));
});
