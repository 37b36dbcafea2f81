import assert from "node:assert/strict";
import type { Engine } from "core/engine/mod.ts";
import { normalDraw, randomNormalParams } from "core/kernels/mod.ts";
import { fillRows, type NormalRows, streamKeys } from "core/tensor/mod.ts";
import { refuses } from "../../support.ts";
import { computed, onWebgpu } from "./devices.ts";

const keys = streamKeys(7, 3, 2);

/** Draws on the device and on the CPU: the same bits. */
async function assertSame(engine: Engine, shape: readonly number[], rows: NormalRows): Promise<void> {
  const expected = new Float32Array(shape.reduce((product, side) => product * side, 1));
  fillRows(expected, rows);
  const draw = normalDraw(engine);
  try {
    const { numbers } = await computed(engine, {}, async () => {
      const numbers = await draw.fill(shape, rows);
      assert.deepEqual(numbers.shape, shape);
      return { numbers };
    });
    assert.deepEqual(new Uint32Array(numbers.buffer), new Uint32Array(expected.buffer));
  } finally {
    draw.free();
  }
}

const ranges = [[0, 1], [1, 1], [1, 2], [0, 512], [5, 10001], [2 ** 32 - 3, 1000], [2 ** 33 - 999, 999]];

for (const [first, count] of [...ranges, [0, 3_000_001]]) {
  onWebgpu(`random_normal has the bits of the CPU: ${count} from ${first} on`, async (engine) => {
    for (const scale of count > 1e6 ? [0.02] : [0.02, 1, -3, 0, 2 ** -105]) {
      await assertSame(engine, [count], { keys, first, width: count, stride: count, scale });
    }
  });
}

/** Columns of matrices: even and odd widths, strides and beginnings, words across 2³² elements, more rows than blocks. */
const matrices = [
  { rows: 1, width: 3, stride: 10, first: 4 },
  { rows: 7, width: 5, stride: 11, first: 3 },
  { rows: 6, width: 512, stride: 1001, first: 0 },
  { rows: 33, width: 1, stride: 7, first: 2 },
  { rows: 5, width: 4, stride: 4, first: 9 },
  { rows: 30, width: 9, stride: 2 ** 27 + 1, first: 2 ** 32 - 5 },
  { rows: 5000, width: 3, stride: 5, first: 1 },
];

for (const { rows, width, stride, first } of matrices) {
  const what = `${rows} rows of ${width} out of ${stride} from ${first} on`;
  onWebgpu(
    `random_normal has the bits of the CPU: ${what}`,
    (engine) => assertSame(engine, [rows, width], { keys, first, width, stride, scale: 0.02 }),
  );
}

Deno.test("random_normal refuses what it could not draw exactly", () =>
  refuses(
    "Cannot draw random numbers: ",
    ([first, width, scale]: number[]) => randomNormalParams(1, { keys, first, width, stride: width, scale }),
    [
      [[2 ** 33 - 1, 2, 1], "1 rows of 2 from element 8589934591, expected at least one, all below"],
      [[-1, 2, 1], "from element -1"],
      [[0, 0, 1], "of 0 from element 0"],
      [[0, 1, 2 ** -106], /scale is 1.2\d*e-32, expected 0 or at least 2⁻¹⁰⁵/],
      [[0, 1, NaN], "scale is NaN"],
    ],
  ));
