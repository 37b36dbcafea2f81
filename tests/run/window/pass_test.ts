/**
 * Attention over windows and the first keys of a text beside Hugging Face's own code with such masks (fixtures/make_windows.py), in a
 * pass and in segments that share their past, in every way that attention is run. Tolerances are those of changes_test.ts.
 */
import assert from "node:assert/strict";
import type { Engine } from "../../../src/engine/mod.ts";
import { type Model, scoring } from "../../../src/models/mod.ts";
import { noDrop, score, type Segment, segmentsOf } from "../../../src/run/mod.ts";
import { distance, engine, expectNear, largest, stateTolerance, thorough } from "../../support.ts";
import { expectLosses, nllOf, segmentStreams, stepLogits } from "../states.ts";
import { engines, names, withWindows } from "./windows.ts";
import { unless } from "../../tools.ts";

for (const [way, { on, names: some = names }] of Object.entries(engines)) {
  for (const name of some) {
    const title = `${name}: windows of keys give PyTorch's losses, by ${way} attention`;
    if (typeof on === "string") {
      unless(on)(title, () => {});
      continue;
    }
    const test = way === "WebGPU's" && name === "llama" ? thorough : Deno.test;
    test(title, () =>
      withWindows(name, async ({ model, ids, tensors, plans }) => {
        const before = on.live;
        const segments = segmentsOf({ ids, samples: 1, length: ids.length });
        const scores = await score({ model, engine: on, segments, plans: [noDrop, ...Object.values(plans)] });
        assert.equal(on.live, before);
        expectLosses(model, ids, tensors, scores, plans);
      }));
  }
}

Deno.test("scores are capped before keys are hidden, in every way that attention is run", () =>
  withWindows("llama", async ({ model, ids, plans }) => {
    const layers = model.spec.layers.map((layer) => ({
      ...layer,
      attention: { ...scoring(layer.attention)!, softcap: 1.5 },
    }));
    const capped: Model = { ...model, spec: { ...model.spec, layers } };
    const [grouped, standard, products] = await Promise.all(
      Object.values(engines).slice(0, 3).map(({ on }) =>
        stepLogits({ model: capped, engine: on as Engine, plan: plans.all }, ids, 6)
      ),
    );
    grouped.forEach((row, t) => {
      for (const other of [standard[t], products[t]]) {
        expectNear(model.spec, other, row, `row ${t}`);
      }
    });
    const [{ nll }] =
      (await score({ model: capped, engine, segments: [{ ids, past: null }], plans: [plans.all] }))[0];
    const rows = await stepLogits({ model: capped, plan: plans.all }, ids, 1);
    const logits = Float32Array.from(rows.flatMap((row) => [...row]));
    const most = 2 * stateTolerance(model.spec) * largest(logits) * Math.sqrt(ids.length);
    assert.ok(Math.abs(nll - nllOf(ids, logits)) <= most);
  }));

for (const name of ["llama", "gemma3", "deepseek-v3"]) {
  for (const way of ["the CPU's", "decomposed"]) {
    Deno.test(`${name}: segments that share their past see windows of the whole text, by ${way} attention`, () =>
      withWindows(name, async ({ model, ids, plans }) => {
        const on = engines[way].on as Engine;
        const { hidden } = model.spec;
        const segments: Segment[] = [
          { ids: ids.subarray(0, 1), past: null }, // shorter than the first keys
          { ids: ids.subarray(1, 9), past: 0 },
          { ids: ids.subarray(9), past: 1 },
          { ids: ids.subarray(9), past: 1, parents: Int32Array.from(ids.subarray(9), (_, i) => i - 1) },
          { ids: Int32Array.of(ids[9], ids[9], ids[10]), past: 1, parents: Int32Array.of(-1, -1, 1) },
        ];
        const all = Object.values(plans);
        const wholes = await segmentStreams(model, [{ ids, past: null }], all);
        const streams = await segmentStreams(model, segments, all, undefined, on);
        for (const [i, parts] of streams.entries()) {
          const [whole] = wholes[i];
          const near = (found: Float32Array, from: number, what: string) => {
            const wanted = whole.subarray(from * hidden, from * hidden + found.length);
            const error = distance(found, wanted) / largest(whole);
            assert.ok(error <= stateTolerance(model.spec), `${what}: ${error}`);
          };
          near(parts[0], 0, "the first token");
          near(parts[1], 1, "its continuation");
          near(parts[2], 9, "the rest");
          near(parts[3], 9, "the rest as a tree");
          near(parts[4].subarray(hidden), 9, "a branch");
        }
      }));
  }
}
