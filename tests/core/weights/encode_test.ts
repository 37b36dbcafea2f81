/** Float32 rounded to what files hold: within half a step of the block, and nothing changes when it is rounded again. */
import assert from "node:assert/strict";
import { float32, toFloat32 } from "core/tensor/mod.ts";
import { encoded, encodedBytes, exactType, rounded, typesFor } from "core/weights/mod.ts";

const BLOCKS = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"];
const LEVELS: Readonly<Record<string, number>> = { Q4_0: 8, Q4_1: 15, Q5_0: 16, Q5_1: 31, Q8_0: 127 };

/** Rows of 64 numbers: some of a size, some around another number, zeros, and one number alone. */
const matrix = float32(
  [8, 64],
  Float32Array.from({ length: 512 }, (_, i) => {
    const [row, wave] = [i >> 6, Math.sin(1.7 * i + 1) * Math.cos(0.3 * i)];
    return [wave, 1e-3 * wave, 1e-6 * wave, 30 * wave, wave + 2, 0, i % 32 === 5 ? -wave : 0, 0.25][row];
  }),
);

/** Without the sign of zero. */
const unsigned = (number: number) => number || 0;

for (const type of BLOCKS) {
  Deno.test(`${type}: numbers are rounded to the nearest of their block, and only once`, () => {
    assert.equal(encoded(type, matrix).length, encodedBytes(type, matrix.shape));
    const once = rounded(type, matrix);
    assert.deepEqual(toFloat32(rounded(type, once)).map(unsigned), toFloat32(once).map(unsigned));
    const [again, first] = [once, matrix].map((tensor) => encoded(type, tensor));
    const rowBytes = first.length / 8;
    for (const row of [0, 1, 2, 3, 4, 5, 6, 7]) {
      if (type === "Q8_0" && row === 2) continue; // its scales become 0 in float16, and its quants then
      const own = [row * rowBytes, (row + 1) * rowBytes] as const;
      assert.deepEqual(again.slice(...own), first.slice(...own), `row ${row}`);
    }
    const [numbers, found] = [toFloat32(matrix), toFloat32(once)];
    for (let b = 0; b < numbers.length; b += 32) {
      const own = [...numbers.slice(b, b + 32)];
      const [low, high] = [Math.min(...own), Math.max(...own)];
      const size = Math.max(high, -low);
      const step = (type.endsWith("_1") ? high - low : size) / LEVELS[type];
      const digits = 2 ** -10 * size + 2 ** -24 * LEVELS[type]; // of the scale and the offset
      own.forEach((number, i) => {
        const isClipped = /^Q[45]_0$/.test(type) && Math.abs(number) > size - 1.5 * step; // one end has a level less
        const most = (isClipped ? 1 : 0.5) * step + digits;
        assert.ok(Math.abs(number - found[b + i]) <= most, `${number} is ${found[b + i]}`);
      });
    }
  });
}

Deno.test("16 bits are rounded to the nearest, of two such to the even one", () => {
  const numbers = float32([1, 4], Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -11, -0.1));
  assert.deepEqual([...toFloat32(rounded("BF16", numbers))].slice(0, 2), [1, 1 + 2 ** -6]);
  assert.deepEqual([...toFloat32(rounded("F16", numbers))].slice(2), [1, Math.f16round(-0.1)]);
});

Deno.test("a matrix takes the smallest type that holds it: its place's own, eight bits, 16, or float32", () => {
  assert.deepEqual(typesFor("Q4_1", 64), ["Q4_1", "Q8_0", "F16"]);
  assert.deepEqual(typesFor("Q6_K", 64), ["Q8_0", "F16"]);
  assert.deepEqual(typesFor("Q8_0", 40), ["F16"]);
  assert.deepEqual(typesFor("IQ4_NL", 64), ["Q8_0", "F16"]);
  assert.deepEqual(typesFor("MXFP4", 64), ["MXFP4", "Q8_0", "F16"]);
  assert.deepEqual([typesFor("BF16", 64), typesFor("F32", 64)], [["BF16"], []]);
  for (const own of ["Q5_0", "MXFP4"]) {
    for (const type of typesFor(own, 64)) {
      assert.equal(exactType(own, float32(matrix.shape, toFloat32(rounded(type, matrix)))), type);
    }
  }
  assert.equal(exactType("Q5_0", matrix), "F32");
});
