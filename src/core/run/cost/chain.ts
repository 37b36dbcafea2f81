/**
 * A chain of products with square matrices, in the form in which a model's are held: with one row they take the time of their bytes,
 * with many that of their operations.
 */
import type { Engine, Held } from "../../engine/mod.ts";
import { blockTensors, fedWeights, linear } from "../../models/mod.ts";
import { createGraph, ReduceSum } from "../../onnx/mod.ts";
import { take, withUploaded } from "../held.ts";
import { owningProgram } from "../programs.ts";
import { type Form, formBytes } from "../weights/forms.ts";
import { storedTypes } from "../weights/part.ts";
import { type BlockFormat, type BlockMatrix, float32, middleOf, type Tensor } from "../../tensor/mod.ts";

/** Side of a matrix: a product takes so long that what it costs besides its weights is nothing beside them, in blocks of 4 bits too. */
const SIDE = 2048;
/** Bytes of quants that are drawn, and then repeated: a prime, so that no two rows of a matrix begin alike. */
const DRAWN = 65_537;

export type Chain = Awaited<ReturnType<typeof openChain>>;

/** As many matrices of a form as have at least so many bytes. */
export async function openChain(engine: Engine, form: Form, bytes: number) {
  const each = formBytes(form, [SIDE, SIDE]);
  const count = Math.ceil(bytes / each);
  const held: Record<string, Held> = {};
  const graph = createGraph();
  const names = Array.from({ length: count }, (_, i) => `w${i}`);
  const matrixOf = matrices(form, count);
  for (let i = 0; i < count; i++) {
    const name = `${names[i]}.weight`;
    const matrix = matrixOf(i);
    const fed = "bits" in matrix ? blockTensors(name, matrix) : [[name, matrix] as const];
    for (const [part, tensor] of fed) held[part] = engine.upload(tensor);
  }
  const needs = names.map((name) => [`${name}.weight`, [SIDE, SIDE]] as const);
  const x = graph.input("x", "f32", ["rows", SIDE]);
  const weights = fedWeights(graph, needs, storedTypes(held), engine.has);
  graph.output("sum", ReduceSum(names.reduce((x, name) => linear(x, name, weights), x), [0, 1]));
  const program = await owningProgram(engine, graph, held);
  return {
    numbers: count * SIDE ** 2,
    bytes: count * each,
    async run(rows: number, signal?: AbortSignal): Promise<void> {
      const x = float32([rows, SIDE], new Float32Array(rows * SIDE).fill(1));
      await withUploaded(engine, { x }, async (feeds) => {
        await take(engine, (await program.run(feeds, { signal })).sum);
      });
    },
    [Symbol.asyncDispose]: () => program.release(),
  };
}

/** Matrices that leave ones about as large as they are; no two are equal, or the library would keep one. */
function matrices(form: Form, count: number): (i: number) => Tensor | BlockMatrix {
  const more = (i: number) => 1 + i / count / 1000;
  if (typeof form === "string") return (i) => dense(form, more(i));
  const pattern = quantPattern(form, count);
  return (i) => inBlocks(form, pattern.slice(i, i - count), more(i));
}

/** Quants from the one that means 0 on, in an order that repeats in no row; one byte more than a matrix has for each matrix. */
function quantPattern({ bits, zero }: BlockFormat, more: number): Uint8Array<ArrayBuffer> {
  const least = zero ?? middleOf(bits);
  const levels = 2 ** bits - least;
  let state = 1;
  const drawn = Uint8Array.from({ length: DRAWN }, () => {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    const quant = (at: number) => least + (state >>> at) % levels;
    return bits === 8 ? quant(16) : quant(16) | quant(24) << 4;
  });
  const pattern = new Uint8Array(SIDE ** 2 * bits / 8 + more);
  for (let i = 0; i < pattern.length; i += drawn.length) {
    pattern.set(drawn.subarray(0, pattern.length - i), i);
  }
  return pattern;
}

function inBlocks(form: BlockFormat, quants: Uint8Array<ArrayBuffer>, more: number): BlockMatrix {
  const { bits, size, zero, hasOffsets } = form;
  const least = zero ?? middleOf(bits);
  const blocks = SIDE ** 2 / size;
  const mean = (2 ** bits - 1 - least) / 2;
  const filled = (value: number) => new Float32Array(blocks).fill(value);
  return {
    bits,
    size,
    shape: [SIDE, SIDE],
    quants,
    scales: filled(more / mean / SIDE),
    zeros: zero ?? new Uint8Array(blocks * bits / 8).fill(bits === 4 ? least | least << 4 : least),
    offsets: hasOffsets ? filled((more - 1) / SIDE) : null,
  };
}

/** The same number everywhere, in 16 bits rounded or cut. */
function dense(dtype: Exclude<Form, BlockFormat>, more: number): Tensor {
  const numbers = Float32Array.of(more / SIDE);
  const [bits] = dtype === "bf16"
    ? new Uint16Array(numbers.buffer).subarray(1)
    : new Uint16Array(Float16Array.from(numbers).buffer);
  const shape = [SIDE, SIDE];
  return dtype === "f16" || dtype === "bf16"
    ? { dtype, shape, data: new Uint16Array(SIDE ** 2).fill(bits) }
    : float32(shape, new Float32Array(SIDE ** 2).fill(numbers[0]));
}
