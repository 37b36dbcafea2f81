/** Small products, with which an engine is tried out. */
import { refusal, released } from "../entry/mod.ts";
import { Cast, createGraph, type Graph, type Lowering, MatMul } from "../onnx/mod.ts";
import { float32, type Tensor } from "../tensor/mod.ts";
import type { Engine } from "./engine.ts";
import { take, withUploaded } from "./lent.ts";

/** Compiles a graph with an output `y` and runs it once, its inputs being in CPU memory: the numbers of `y`. */
export async function runOnce(
  engine: Engine,
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Float32Array> {
  await using program = released(await engine.compile(graph));
  return await withUploaded(engine, inputs, async (held) => {
    const { y } = await program.run(held);
    return (await take(engine, y)).data as Float32Array;
  });
}

/** x [rows, columns] · w [columns, out] on an engine, of factors that are made another type first. */
function product(
  engine: Engine,
  [rows, columns, out]: readonly [number, number, number],
  [x, w]: readonly Float32Array<ArrayBuffer>[],
  type: Lowering["products"] = "f32",
): Promise<Float32Array> {
  const graph = createGraph();
  const factors = [graph.input("x", "f32", ["rows", columns]), graph.input("w", "f32", [columns, out])];
  const [left, right] = type === "f32" ? factors : factors.map((factor) => Cast(factor, type));
  const y = MatMul(left, right);
  graph.output("y", type === "f32" ? y : Cast(y, "f32"));
  return runOnce(engine, graph, { x: float32([rows, columns], x), w: float32([columns, out], w) });
}

/** [1 2 3; 4 5 6] · [1 2; 3 4; 5 6]: whole numbers, exact in every precision. */
const PRODUCT = [22, 28, 49, 64];

/** Multiplies two small matrices. Throws `Error` if the product is wrong or the engine fails. */
export async function tryProduct(engine: Engine): Promise<void> {
  const numbers = Float32Array.of(1, 2, 3, 4, 5, 6);
  const found = await product(engine, [2, 3, 2], [numbers, numbers]);
  if (String(found) === String(PRODUCT)) return;
  const why = `on ${engine.device ?? "the CPU"} a product was ${found}, expected ${PRODUCT}`;
  throw refusal(Error, `use the engine ${engine.name}`, why);
}

/** Bits of a factor after its first one. */
const BITS = { float32: 23, bfloat16: 7 };
/** Rows of the product that shows them: as many as a pass has, so that it runs in the kernels of passes. */
const ROWS = 256;

/**
 * Throws `Error` if an engine rounds factors to other bits than its precision says: a library may compute in what it takes for the best.
 * Row i has 1 + 2^-i once, and is multiplied with ones: the number of bits is the last i at which the sum is more than 1.
 */
export async function tryPrecision(engine: Engine): Promise<void> {
  const x = new Float32Array(ROWS * ROWS);
  for (let i = 0; i < ROWS; i++) x[i * ROWS + i] = 1 + 2 ** -Math.min(i, 24);
  const ones = new Float32Array(ROWS * ROWS).fill(1);
  for (const [type, precision] of [["f32", "float32"], ["bf16", "bfloat16"]] as const) {
    if (type === "bf16" && engine.has.products !== type) continue;
    const sums = await product(engine, [ROWS, ROWS, ROWS], [x, ones], type);
    const bits = sums.filter((sum, at) => at % ROWS === 0 && sum > 1).length - 1;
    if (bits === BITS[precision]) continue;
    const why = `on ${engine.device ?? "the CPU"} factors of ${precision} have ` +
      `${bits} bits after the first, expected ${BITS[precision]}`;
    throw refusal(Error, `use the engine ${engine.name}`, why);
  }
}
