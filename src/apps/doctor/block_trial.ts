/**
 * Products with weights in blocks, tried out on an engine in every form that it takes as it is stored, beside plain float64: one row and
 * several, since engines have a kernel for each.
 *
 * A product of K terms is rounded at most K + B + 8 times, B the size of a block, each time by u = 2^-24 of the sum of all terms'
 * magnitudes. Products of bytes sum quants and zeros, of up to 255, apart. They round x to half of 1/127 of the largest number of its
 * block, and x in three parts (models/values/blocks.ts) to 254⁻³ of it.
 */
import { type Engine, take, withUploaded } from "core/engine/mod.ts";
import { released } from "core/entry/mod.ts";
import { blockInputs, blockProduct, blockTensors } from "core/models/mod.ts";
import { createGraph } from "core/onnx/mod.ts";
import { type BlockMatrix, float32, middleOf, philox, widened } from "core/tensor/mod.ts";

const UNIT = 2 ** -24;
/** N, and blocks of a row. */
const [ROWS, BLOCKS] = [24, 3];
const SIZES = [16, 32];
const COUNTS = [1, 5];

/** Throws `Error` where a product is not what it should be. */
export async function tryBlocks(engine: Engine): Promise<void> {
  const { passes, steps, largest } = engine.has.blocks;
  for (const bits of new Set([...passes, ...steps])) {
    for (const size of SIZES.filter((size) => size <= largest)) {
      await tryMatrix(engine, matrixOf(bits, size, false));
      await tryMatrix(engine, matrixOf(bits, size, true));
    }
  }
}

/** Quants of any value; the first row has the largest ones, whose products of bytes are the largest too. */
function matrixOf(bits: 4 | 8, size: number, isFull: boolean): BlockMatrix {
  const next = drawing(bits + size);
  const columns = BLOCKS * size, width = columns * bits / 8;
  const bytes = (length: number) => Uint8Array.from({ length }, () => next() & 255);
  const floats = () => Float32Array.from({ length: ROWS * BLOCKS }, () => next() / 2 ** 31 - 1);
  return {
    bits,
    size,
    shape: [ROWS, columns],
    quants: bytes(ROWS * width).fill(255, 0, width),
    scales: floats(),
    zeros: isFull ? bytes(ROWS * Math.ceil(BLOCKS * bits / 8)).fill(0, 0, 1) : middleOf(bits),
    offsets: isFull ? floats() : null,
  };
}

function drawing(seed: number): () => number {
  let index = 0;
  return () => philox([index++, 0, 0, 0], [seed, 0])[0];
}

async function tryMatrix(engine: Engine, matrix: BlockMatrix): Promise<void> {
  const { bits, size, shape: [, columns] } = matrix;
  const tensors = blockTensors("w", matrix);
  const graph = createGraph();
  const stored = new Map(tensors);
  const a = graph.input("a", "f32", ["rows", columns]);
  const weight = blockInputs(graph, "w", columns, (part) => stored.get(`w.${part}`), engine.has.blocks)!;
  graph.output("y", blockProduct(a, weight, null));
  await withUploaded(engine, Object.fromEntries(tensors), async (held) => {
    await using program = released(await engine.compile(graph, held));
    for (const count of COUNTS) {
      const next = drawing(count);
      const data = Float32Array.from({ length: count * columns }, () => next() / 2 ** 31 - 1);
      const a = float32([count, columns], data.fill(1, 0, columns));
      const { y } = await withUploaded(engine, { a }, (input) => program.run(input));
      const off = worst((await take(engine, y)).data as Float32Array, data, matrix, engine);
      if (off.error <= off.most) continue; // not where it is NaN
      throw new Error(
        `a product of [${count}, ${columns}] with ${bits} bits in blocks of ${size} is off by ` +
          `${off.error.toPrecision(2)}, expected at most ${off.most.toPrecision(2)}`,
      );
    }
  });
}

/** The error that is largest beside what it may be. */
function worst(y: Float32Array, x: Float32Array, matrix: BlockMatrix, { has: { blocks } }: Engine) {
  const { bits, size, shape: [, columns], scales, offsets } = matrix;
  const numbers = widened(matrix).data as Float32Array;
  const products = widened({ ...matrix, offsets: null }).data as Float32Array; // of scales and quants
  const roundings = (columns + size + 8) * UNIT;
  const isParted = blocks.isParted && bits === 8;
  const areBytes = isParted || blocks.level === 4;
  const lost = isParted ? 254 ** -3 : areBytes ? 1 / 254 : 0;
  let found = { error: 0, most: 1 };
  for (const [i, value] of y.entries()) {
    const [row, n] = [Math.floor(i / ROWS), i % ROWS];
    let sum = 0, most = 0;
    for (let k = 0; k < columns; k++) {
      const block = n * BLOCKS + Math.floor(k / size), start = row * columns + k - k % size;
      const [a, at] = [x[row * columns + k], n * columns + k];
      const apart = areBytes ? 2 * (2 ** bits - 1) * Math.abs(scales[block]) : 0;
      sum += a * numbers[at];
      most += roundings * Math.abs(a) * (Math.abs(products[at]) + apart + Math.abs(offsets?.[block] ?? 0));
      most += lost * Math.max(...x.subarray(start, start + size).map(Math.abs)) * Math.abs(products[at]);
    }
    const error = Math.abs(value - sum);
    if (Number.isNaN(error)) return { error, most };
    if (error / most > found.error / found.most) found = { error, most };
  }
  return found;
}
