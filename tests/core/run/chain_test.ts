/** Chains of products in the forms of weights: which operators they run, and that their bytes are those of their weights. */
import assert from "node:assert/strict";
import { cpuEngine, type Engine } from "core/engine/mod.ts";
import type { Graph } from "core/onnx/mod.ts";
import { heldBytes } from "core/run/weights/part.ts";
import { type Form, openChain } from "core/run/mod.ts";
import { openPartChain } from "features/speed/parts.ts";
import { protoOf } from "../onnx/read.ts";
import { engine, watchedEngine } from "../../support.ts";
import { withBlocks } from "../study/in_blocks.ts";

/** An engine that notes what it compiles with constants; with an error, it compiles nothing. */
function noting(on: Engine, instead?: Error) {
  const noted: { graph: Graph; bytes: number }[] = [];
  const onCompile = (graph: Graph, constants: Parameters<typeof heldBytes>[0]) => {
    noted.push({ graph, bytes: heldBytes(constants) });
    if (instead) throw instead;
  };
  return { watched: watchedEngine({ onCompile }, on), noted };
}

/** Products by operator, with what they say of bits and accuracy. */
function productsOf(graph: Graph): string[] {
  const found = protoOf(graph).node.filter(({ opType }) => /^(Gemm|MatMulNBits)$/.test(opType!));
  const kinds = found.map(({ opType, attribute }) => {
    const of = (name: string) => attribute.find((one) => one.name === name)?.i;
    return opType === "Gemm"
      ? opType
      : `${of("bits")} bits, ${of("block_size")}, level ${of("accuracy_level")}`;
  });
  return [...new Set(kinds)];
}

const int8 = cpuEngine({ precision: "int8" });
const four = { bits: 4, size: 32, zero: 0, hasOffsets: false } as const;
const eight = { bits: 8, size: 16, zero: 128, hasOffsets: false } as const;
const cases: readonly (readonly [label: string, Engine, Form, readonly string[]])[] = [
  ["float32", engine, "f32", ["Gemm"]],
  ["float16", engine, "f16", ["Gemm"]],
  ["bfloat16", engine, "bf16", ["Gemm"]],
  ["4 bits", engine, four, ["4 bits, 32, level 1"]],
  ["4 bits with offsets", engine, { ...four, hasOffsets: true }, ["4 bits, 32, level 1", "Gemm"]],
  ["4 bits with zeros of their own", engine, { ...four, zero: null }, ["4 bits, 32, level 1"]],
  ["8 bits", engine, eight, ["8 bits, 16, level 4"]],
  ["4 bits in int8", int8, four, ["4 bits, 32, level 4"]],
  ["8 bits in int8", int8, eight, ["8 bits, 16, level 4"]],
];
for (const [label, on, form, operators] of cases) {
  Deno.test(`${label}: a chain multiplies in the form of the weights, and has their bytes`, async () => {
    const { watched, noted } = noting(on);
    const chain = await openChain(watched, form, 5 * 2 ** 20);
    assert.equal(noted[0].bytes, chain.bytes);
    assert.ok(chain.bytes >= 5 * 2 ** 20);
    assert.deepEqual(productsOf(noted[0].graph), operators);
    await chain.run(2);
    await chain[Symbol.asyncDispose]();
    assert.equal(on.live, 0);
  });
}

Deno.test("the parts of a model in blocks measure its own products", () =>
  withBlocks(async ({ model }) => {
    for (const on of [engine, int8]) { // in float32 each number meets the same product in three parts
      const enough = new Error("a chain that no cache holds takes seconds to compile");
      const { watched, noted } = noting(on, enough);
      await assert.rejects(openPartChain(model, watched), (error) => error === enough);
      assert.equal(on.live, 0);
      assert.deepEqual(productsOf(noted[0].graph), ["8 bits, 32, level 4"]);
    }
  }));
