/** Models in which some layers mix tokens by linear attention: what is told by kind, what is drawn, what is refused by name. */
import assert from "node:assert/strict";
import { mean } from "../../src/measure/mod.ts";
import { layerTensors, randomWeights } from "../../src/models/mod.ts";
import { profileOf } from "../../src/result/mod.ts";
import { type Blocks, forward, noDrop, segmentsOf, valuesProbe } from "../../src/run/mod.ts";
import { tableText } from "../../src/show/mod.ts";
import { sizesOf } from "../../src/subject/mod.ts";
import { provenance, sizes } from "../result/samples.ts";
import { elements, toFloat32 } from "../../src/tensor/mod.ts";
import { engine, gramSums, withFixture } from "../support.ts";

const MIXERS = ["linear", "linear", "linear", "full"] as const;

Deno.test("a profile tells importance by what mixes a layer's tokens", () =>
  withFixture("qwen3-5", async ({ model, blocks, expected: { meta } }) => {
    const sums = await gramSums(model, blocks);
    const of = (kind: "attention" | "mlp" | "block") => sums.map((layer) => layer[kind] ?? null);
    const own = { attention: of("attention"), mlp: of("mlp"), block: of("block") };
    const profile = profileOf(provenance(blocks.samples), own, sizes(4), undefined, [...MIXERS]);
    const { importance } = meta.attention;
    const [full, linear] = [importance[3], mean(importance.slice(0, 3))].map((value) => value.toFixed(3));
    const line =
      `mean importance by mixer: full attention ${full} (1 layer), linear attention ${linear} (3 layers)`;
    const table = tableText([profile]);
    assert.ok(table.includes(line), table);
    assert.equal(table.match(/linear attention\n/g)?.length, 3);
    const alike = profileOf(provenance(blocks.samples), own, sizes(4), undefined, MIXERS.map(() => "full"));
    assert.ok(!("mixers" in alike));
  }));

Deno.test("q, k, v and what is mixed can be observed of linear attention; rows of attention it has none", () =>
  withFixture("qwen3-5", async ({ model, blocks }) => {
    const shapes: (readonly number[])[] = [];
    const seen = valuesProbe(model.spec.layers, ["q", "k", "v", "mixed"], ({ layer, q, k, v, mixed }) => {
      if (layer === 0) shapes.push(q.shape, k.shape, v.shape, mixed.shape);
      if (layer !== 0) return;
      for (let i = 0; i < q.data.length; i += 12) { // heads have length 1
        assert.ok(Math.abs(Math.hypot(...q.data.subarray(i, i + 12)) - 1) < 1e-4);
      }
    });
    const rows: number[] = [];
    const patterns = valuesProbe(model.spec.layers, ["attention"], ({ layer }) => rows.push(layer));
    const segments = segmentsOf({ ...blocks, samples: 1 } as Blocks);
    await forward({ model, engine, segments, plans: [noDrop], probes: [seen, patterns] });
    assert.deepEqual(shapes.slice(0, 4), [[24, 2, 12], [24, 2, 12], [24, 4, 8], [24, 4, 8]]);
    assert.deepEqual(rows, [3]);
    assert.deepEqual(sizesOf(model.spec).kvBytes, [0, 0, 0, 2 * 2 * 2 * 16]);
  }));

Deno.test("segments that go on from one text are refused by name, before anything runs", () =>
  withFixture("qwen3-5", async ({ model, blocks: { ids } }) => {
    const segments = [{ ids: ids.slice(0, 4), past: null }, { ids: ids.slice(4, 8), past: 0 }];
    const onProgress = () => assert.fail("it runs");
    const refused =
      /^TypeError: Cannot run segments of qwen3-5 that continue one text: linear attention .* layers 0 1 2,/;
    await assert.rejects(forward({ model, engine, segments, plans: [noDrop], onProgress }), refused);
  }));

Deno.test("weights are drawn as transformers does: ln A of a uniform A, dt 1, all else normal", () =>
  withFixture("qwen3-5", async ({ model: { spec } }) => {
    const heads = 4000;
    const attention = { ...spec.layers[0].attention!, valueHeads: heads };
    const wide = { ...spec, layers: [{ ...spec.layers[0], attention }] };
    const weights = randomWeights(wide as typeof spec, { seed: 3, std: 0.02, residualStd: 0.02 });
    const { tensors, release } = await weights.layer(0);
    for (const [name, shape] of layerTensors(wide.layers[0] as typeof spec.layers[0], spec.hidden)) {
      assert.equal(tensors.get(name)!.data.length, elements(shape), name);
    }
    const logs = [...toFloat32(tensors.get("attention.a_log")!)];
    const drawn = logs.map(Math.exp).sort((a, b) => a - b);
    // The largest distance of the distribution of n uniform numbers from the line is above 2/√n in one of 1500 draws.
    const off = drawn.map((a, i) => Math.abs((a - 0.01) / 15.99 - (i + 0.5) / heads));
    assert.ok(Math.max(...off) < 2 / Math.sqrt(heads));
    assert.ok(toFloat32(tensors.get("attention.dt_bias")!).every((value) => value === 1));
    assert.ok(toFloat32(tensors.get("attention.gate_norm.weight")!).every((value) => value === 1));
    const conv = [...toFloat32(tensors.get("attention.conv.weight")!)];
    const deviation = Math.sqrt(mean(conv.map((value) => value ** 2)));
    assert.ok(Math.abs(deviation / 0.02 - 1) < 0.02, `${deviation}`);
    const part = await weights.part(0, new Map([["attention.a_log", { axis: 0, start: 7, end: 9 }]]));
    assert.deepEqual([...toFloat32(part.tensors.get("attention.a_log")!)], logs.slice(7, 9));
    part.release();
    release();
    weights.close();
  }));
