/** Models in which some layers mix tokens by linear attention: what is told by kind, what is drawn, what is refused by name. */
import assert from "node:assert/strict";
import { mean } from "core/measure/mod.ts";
import { randomWeights } from "core/models/mod.ts";
import { profileOf } from "features/profile/mod.ts";
import { type Blocks, forward, noDrop, segmentsOf, valuesProbe } from "core/run/mod.ts";
import { tableText } from "core/show/looks.ts";
import { sizesOf } from "core/subject/mod.ts";
import { provenance, sizes } from "../result/samples.ts";
import { toFloat32 } from "core/tensor/mod.ts";
import { gramSums, withFixture } from "../../model.ts";
import { engine } from "../../support.ts";

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

Deno.test("a part of the numbers that fade a head's state is drawn as in the whole", () =>
  withFixture("qwen3-5", async ({ model: { spec } }) => {
    const weights = randomWeights(spec, { seed: 3, std: 0.02, residualStd: 0.02 });
    const cut = new Map([["attention.a_log", { axis: 0, start: 1, end: 3 } as const]]);
    const [whole, part] = [await weights.layer(0), await weights.part(0, cut)]
      .map(({ tensors }) => [...toFloat32(tensors.get("attention.a_log")!)]);
    assert.deepEqual(part, whole.slice(1, 3));
    assert.notEqual(part[0], part[1]);
    weights.close();
  }));
