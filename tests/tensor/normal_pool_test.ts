/** Numbers made by several threads: the bits of one, wherever the rows are cut. */
import assert from "node:assert/strict";
import { fillRows, normalPool, type NormalRows } from "../../src/tensor/mod.ts";
import { bits } from "./bits.ts";

const keys = [0x12345678, 0x9abcdef0] as const;

const cases: Record<string, { rows: NormalRows; count: number }> = {
  "whole rows of an odd width": {
    rows: { keys, first: 7, width: 1001, stride: 1001, scale: 0.02 },
    count: 700,
  },
  "some columns": { rows: { keys, first: 333, width: 999, stride: 4096, scale: 1 }, count: 601 },
  "fewer rows than threads": {
    rows: { keys, first: 0, width: 2 ** 18, stride: 2 ** 18, scale: 2 },
    count: 2,
  },
  "too few to share": { rows: { keys, first: 1, width: 10, stride: 12, scale: 0.5 }, count: 10 },
};

for (const [name, { rows, count }] of Object.entries(cases)) {
  Deno.test(`one thread and three: ${name}`, async () => {
    const expected = new Float32Array(count * rows.width);
    fillRows(expected, rows);
    const pool = normalPool(3);
    try {
      const padded = new Float32Array(expected.length + 2).fill(NaN);
      await pool.fill(padded.subarray(1, -1), rows);
      assert.deepEqual(bits(padded.subarray(1, -1)), bits(expected));
      assert.ok(Number.isNaN(padded[0]) && Number.isNaN(padded.at(-1)), "nothing is written beside it");
    } finally {
      pool.close();
    }
  });
}

Deno.test("arrays that are filled at the same time do not mix, and a closed pool opens again", async () => {
  const pool = normalPool(2);
  const rows = (first: number): NormalRows => ({ keys, first, width: 512, stride: 512, scale: 1 });
  for (let round = 0; round < 2; round++) {
    const arrays = [0, 1, 2].map(() => new Float32Array(512 * 600));
    await Promise.all(arrays.map((array, i) => pool.fill(array, rows(1000 * i))));
    for (const [i, array] of arrays.entries()) {
      const expected = new Float32Array(array.length);
      fillRows(expected, rows(1000 * i));
      assert.deepEqual(bits(array), bits(expected));
    }
    pool.close();
  }
});
