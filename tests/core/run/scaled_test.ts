/**
 * Updates scaled along the stream and across it, beside Hugging Face's x, a and m of the same layer in float64. Where the layer's input
 * is unchanged (attention of the first layer, MLP of the last), a scaled update moves by what its sides move by: twice the tolerance of
 * a state, times the larger factor.
 */
import assert from "node:assert/strict";
import type { Change, LayerModule } from "core/measure/mod.ts";
import { forward, noDrop, type Probe, segmentsOf } from "core/run/mod.ts";
import type { Tensor } from "core/tensor/mod.ts";
import { distance, expectNear, largest, stateTolerance, withFixture } from "../../model.ts";
import { engine } from "../../support.ts";
import { finalStreams, stepLogits } from "./states.ts";

const scale = (layer: number, module: LayerModule, along: number, across: number): Change => (
  { layer, module, to: "scaled", along, across }
);

/** s∥ u∥ + s⊥ u⊥, by token; X is the stream plus `more`, if any. */
function edited(update: Float32Array, streams: readonly Float32Array[], hidden: number, change: Change) {
  const { along, across } = change as Change & { readonly along: number; readonly across: number };
  const stream = (i: number) => streams.reduce((sum, values) => sum + values[i], 0);
  return update.map((_, i) => {
    const from = i - i % hidden;
    let [xx, xu] = [0, 0];
    for (let j = from; j < from + hidden; j++) [xx, xu] = [xx + stream(j) ** 2, xu + stream(j) * update[j]];
    return across * update[i] + (along - across) * (xu / xx) * stream(i);
  });
}

for (const name of ["llama", "gemma2", "gemma3", "neox-parallel", "gpt2", "qwen3-next"]) {
  Deno.test(`${name}: updates scaled along the stream and across it are those of Hugging Face's streams`, () =>
    withFixture(name, async ({ model, blocks, expected: { tensors } }) => {
      const last = model.spec.layers.length - 1;
      const seen: Record<string, Float32Array[]> = {};
      const probe: Probe = {
        only: [0],
        update: ({ a, m }) => ({ seen_a: a!, seen_m: m! }),
        observeUpdate({ layer, outputs }) {
          for (const tap of ["a", "m"]) {
            const { data } = outputs[`seen_${tap}`] as Tensor;
            (seen[`${tap}.${layer}`] ??= []).push((data as Float32Array).slice());
          }
        },
      };
      const parallel = model.spec.layers[last].residual === "parallel";
      const of = (tap: string, layer: number) => tensors.get(`${tap}.${layer}`)!.data as Float32Array;
      for (const [along, across] of [[0.5, 1], [1, -1.5]]) {
        for (const [layer, module, tap] of [[0, "attention", "a"], [last, "mlp", "m"]] as const) {
          const change = scale(layer, module, along, across);
          for (const key of Object.keys(seen)) delete seen[key];
          const plans = [{ ...noDrop, changes: [change] }];
          await forward({ model, engine, segments: segmentsOf(blocks), plans, probes: [probe] });
          const streams = [of("x", layer), ...module === "mlp" && !parallel ? [of("a", layer)] : []];
          const wanted = edited(of(tap, layer), streams, model.spec.hidden, change);
          const found = Float32Array.from(seen[`${tap}.${layer}`].flatMap((values) => [...values]));
          const most = 2 * stateTolerance(model.spec) * Math.max(1, along, Math.abs(across));
          const error = distance(found, wanted) / Math.max(largest(of(tap, layer)), largest(wanted));
          assert.ok(error <= most, `${module} ${layer}, ${along} and ${across}: ${error}, at most ${most}`);
        }
      }
    }));
}

Deno.test("0 and 0 is the drop, 1 and 1 the module; tokens written one by one see what a pass does", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const changes = (along: number, across: number) => (
      { ...noDrop, changes: [scale(1, "attention", along, across), scale(1, "mlp", along, across)] }
    );
    const all = [noDrop, changes(1, 1), { attention: [1], mlp: [1] }, changes(0, 0)];
    const [full, same, dropped, none] = await finalStreams(model, blocks, all);
    assert.deepEqual([same, none], [full, dropped]);
    const ids = blocks.ids.subarray(0, 12);
    const plan = changes(0.5, 1.5);
    const [steps, [whole]] = await Promise.all(
      [4, 12].map((prompt) => stepLogits({ model, plan }, ids, prompt)),
    );
    expectNear(model.spec, steps.at(-1)!, whole);
  }));
