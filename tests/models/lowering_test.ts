/** What graphs are made of in each lowering: operators that its engines have, and types that fit together. */
import { type GraphProto, type NodeProto, TensorProto_DataType as DataType } from "onnx-buf";
import assert from "node:assert/strict";
import { cpuLowering, type Lowering } from "../../src/onnx/mod.ts";
import { fixtureNames } from "../fixtures/read.ts";
import { everywhere, protoOf } from "../onnx/read.ts";
import { byTurns, isThorough, withFixture } from "../support.ts";
import { graphsOf, lowerings } from "./built.ts";

/** What some have besides. */
function besides({ attention, rows }: Lowering): string[] {
  return [
    ...rows === "scattered" ? ["ScatterND"] : [],
    ...attention.startsWith("grouped") ? ["GroupQueryAttention"] : [],
    ...attention === "standard" ? ["Attention"] : [],
  ];
}

/** Element types that are computed with: of a node's inputs that are floats; of what it gives. */
const FLOATS = [DataType.FLOAT, DataType.BFLOAT16];

/** Follows the types through a graph; gives those of its products. Fails where the factors of a node differ. */
function productTypes({ input, initializer, node, output }: GraphProto): Set<DataType> {
  const types = new Map<string, DataType>(initializer.map(({ name, dataType }) => [name, dataType!]));
  for (const { name, type } of input) {
    assert.equal(type!.value.case, "tensorType");
    types.set(name!, (type!.value.value as { elemType: DataType }).elemType);
  }
  const products = new Set<DataType>();
  for (const one of node) {
    const floats = one.input.map((name) => types.get(name)!).filter((type) => FLOATS.includes(type));
    assert.ok(new Set(floats).size <= 1, `${one.name}: ${floats.map((type) => DataType[type])}`);
    if (one.opType === "Gemm") products.add(floats[0]);
    const given = toOf(one) ?? floats[0] ?? types.get(one.input[0])!;
    for (const name of one.output) types.set(name, given);
  }
  for (const { name } of output) assert.equal(types.get(name!), DataType.FLOAT, `output ${name}`);
  return products;
}

function toOf({ attribute }: NodeProto): DataType | undefined {
  const to = attribute.find(({ name }) => name === "to");
  return to && Number(to.i);
}

for (const [turn, [name, lowering]] of Object.entries(lowerings).entries()) {
  Deno.test(`${name}: every graph has its operators alone, and float32 between products`, async () => {
    const allowed = everywhere.union(new Set(besides(lowering)));
    const used = new Set<string>();
    for (const [i, fixture] of fixtureNames.entries()) {
      if (!isThorough && (turn + i) % 2 > 0) continue; // every other lowering of each
      await withFixture(fixture, ({ model: { spec } }) => {
        for (const stored of byTurns(["f32", "bf16"] as const, Math.floor((turn + i) / 2))) {
          for (const graph of graphsOf(spec, stored, lowering)) {
            const proto = protoOf(graph);
            for (const { opType } of proto.node) used.add(opType!);
            const head = proto.output.some(({ name }) => name === "logits");
            // What decides who runs, and how much of it counts, is a product of float32 everywhere.
            const exact = proto.input.some(({ name }) => /^mlp\.(router|shared_gate)\./.test(name!));
            const wanted = lowering.products === "bf16" && !head ? [DataType.BFLOAT16] : [DataType.FLOAT];
            if (exact) wanted.push(DataType.FLOAT);
            assert.deepEqual([...productTypes(proto).difference(new Set(wanted))], [], fixture);
          }
        }
      });
    }
    assert.deepEqual([...used.difference(allowed)], []);
    for (const operator of besides(lowering)) assert.ok(used.has(operator), operator);
  });
}

Deno.test("BF16 is fed as such, or not at all", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const fed = { native: DataType.BFLOAT16, widened: DataType.FLOAT } as const;
    for (const bfloat16 of ["native", "widened"] as const) {
      const [attention] = graphsOf(spec, "bf16", { ...cpuLowering, bfloat16 });
      const types = protoOf(attention).input.filter(({ name }) => name!.endsWith("proj.weight"))
        .map(({ type }) => (type!.value.value as { elemType: DataType }).elemType);
      assert.deepEqual(types, Array(4).fill(fed[bfloat16]));
    }
  }));
