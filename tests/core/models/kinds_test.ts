/** Every kind of module declares one thing: its tensors, streams, pieces and cost agree with each other. */
import assert from "node:assert/strict";
import { FORMATS } from "core/formats/job.ts";
import { feedKinds, kindOf, layerTensors, mixerKinds, type ModelSpec } from "core/models/mod.ts";
import { cost, FLOAT32, noDrop, workOf } from "core/run/mod.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { specOf } from "../../quantised.ts";

const specs = new Map(fixtureNames.map((name) => [name, specOf(name)]));
const modulesOf = ({ layers }: ModelSpec) =>
  layers.flatMap(({ attention, mlp }) => [
    ...attention ? [{ at: "attention", spec: attention } as const] : [],
    ...mlp ? [{ at: "mlp", spec: mlp } as const] : [],
  ]);

Deno.test("the fixtures (make_fixtures.py) have every kind but those that plans make of others", () => {
  const kinds = new Set([...specs.values()].flatMap(modulesOf).map(({ spec }) => spec.kind));
  assert.deepEqual([...new Set(mixerKinds.keys()).symmetricDifference(feedKinds).difference(kinds)], []);
});

Deno.test("no two tensors of a layer are drawn from one stream", () => {
  for (const [name, { layers, hidden }] of specs) {
    for (const layer of layers) {
      const streams = layerTensors(layer, hidden).flatMap(([, , draw]) =>
        draw && "stream" in draw ? draw.stream : []
      );
      assert.equal(new Set(streams).size, streams.length, name);
    }
  }
});

Deno.test("weights in groups are the module's tensors, each once", () => {
  const numbers = (needs: readonly (readonly [string, readonly number[], ...unknown[]])[]) =>
    needs.reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0);
  for (const [name, model] of specs) {
    for (const { at, spec } of modulesOf(model)) {
      const groups = kindOf(spec).groups(spec, model.hidden, at);
      const all = groups.reduce((sum, { tensors, count }) => sum + count * numbers(tensors), 0);
      assert.equal(all, numbers(layerTensors({ [at]: spec }, model.hidden)), `${name}: ${spec.kind}`);
    }
  }
});

Deno.test("the pieces of a module need each of its tensors", () => {
  for (const [name, model] of specs) {
    for (const { at, spec } of modulesOf(model)) {
      const needed = layerTensors({ [at]: spec }, model.hidden).map(([tensor]) => tensor);
      for (const most of [1, Infinity]) {
        const pieces = kindOf(spec).cut(spec, model.hidden, most, at);
        const found = new Set(pieces.flatMap(({ cuts }) => [...cuts.keys()]));
        if (pieces.length > 0) assert.deepEqual([...found].sort(), needed.toSorted(), name);
      }
    }
  }
});

Deno.test("the cost of a pass is the work of its modules", () => {
  const [samples, length] = [3, 50];
  for (const [name, model] of specs) {
    const works = workOf(model, noDrop, FLOAT32)({ texts: samples, tokens: length, past: 0 });
    const flops = works.filter(({ module }) => module !== "head")
      .reduce((sum, { count, products, core }) => sum + count * (products.flops + (core?.flops ?? 0)), 0);
    assert.equal(cost(model, [noDrop], { samples, length }, false).flops, flops, name);
  }
});

Deno.test("the formats that a kind names are formats", () => {
  for (const { spec } of [...specs.values()].flatMap(modulesOf)) {
    for (const format of Object.keys(kindOf(spec).inexpressible)) {
      assert.ok(FORMATS.some((known) => known === format), format);
    }
  }
});
