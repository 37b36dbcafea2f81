/** What probes of attention see under windows. */
import assert from "node:assert/strict";
import { type AttentionInput, attentionStatsReference } from "../../../src/kernels/mod.ts";
import { PATTERN_NAMES } from "../../../src/measure/mod.ts";
import { scoring } from "../../../src/models/mod.ts";
import {
  attentionSizes,
  attentionStatsProbe,
  changedSpec,
  dropPlan,
  forward,
  segmentsOf,
  valuesProbe,
} from "../../../src/run/mod.ts";
import { engine, randomBlocks, withFixture } from "../../support.ts";
import { tolerances } from "../attention_tolerances.ts";
import { windowOf } from "./windows.ts";

for (const name of ["llama", "gemma2"]) {
  for (
    const { keys, sinks, length, stride } of [
      { keys: 4, sinks: 2, length: 101, stride: 1 },
      { keys: 70, sinks: 60, length: 300, stride: 3 },
      { keys: 1, sinks: 130, length: 200, stride: 1 },
      { keys: 60, sinks: 1, length: 50, stride: 1 },
    ]
  ) {
    Deno.test(`attention statistics of ${name}: ${length} tokens, ${keys} keys and the first ${sinks}`, () =>
      withFixture(name, async ({ model }) => {
        const plan = dropPlan(model.spec, {
          changes: model.spec.layers.map((_, layer) => windowOf(layer, keys, sinks)),
        });
        const { layers } = changedSpec(model.spec, plan);
        const blocks = randomBlocks(1, length, model.spec.vocabulary);
        const statistics = attentionStatsProbe(layers, (stats) => stats, { stride });
        const inputs: AttentionInput[] = [];
        const seen = valuesProbe(layers, ["q", "k"], ({ layer, q, k }) => {
          const sizes = attentionSizes(scoring(layers[layer].attention)!, length, stride);
          inputs[layer] = { ...sizes, q: q.data, k: k.data };
        });
        const probes = [statistics, seen];
        await forward({ model, engine, segments: segmentsOf(blocks), plans: [plan], probes });
        for (const [l, input] of inputs.entries()) {
          const [found, wanted] = [statistics.stats[l]![0], attentionStatsReference(input)];
          assert.deepEqual(found.positions, wanted.positions);
          const queries = wanted.positions.length;
          for (let row = 0; row < input.heads * queries; row++) {
            const tolerance = tolerances(input, Math.floor(row / queries), wanted.positions[row % queries]);
            for (const stat of PATTERN_NAMES) {
              const [a, b] = [found.stats[stat][row], wanted.stats[stat][row]];
              assert.ok(
                Math.abs(a - b) <= tolerance[stat](b),
                `layer ${l}, row ${row}: ${stat} ${a}, expected ${b}`,
              );
            }
          }
        }
      }));
  }
}

Deno.test("attention rows under a window are shares of the keys in sight", () =>
  withFixture("llama", async ({ model }) => {
    const plan = dropPlan(model.spec, { changes: [windowOf(1, 3, 2)] });
    const { layers } = changedSpec(model.spec, plan);
    let rows = 0;
    const probe = valuesProbe(layers, ["attention"], ({ layer, attention }) => {
      for (const { query, data, shape: [heads, keys] } of attention) {
        rows++;
        for (let head = 0; head < heads; head++) {
          const row = data.subarray(head * keys, (head + 1) * keys);
          assert.ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-6);
          row.forEach((share, key) =>
            assert.equal(share > 0, layer !== 1 || key < 2 || query - key < 3, `${layer} ${query} ${key}`)
          );
        }
      }
    });
    const blocks = randomBlocks(1, 20, model.spec.vocabulary);
    await forward({ model, engine, segments: segmentsOf(blocks), plans: [plan], probes: [probe] });
    assert.equal(rows, 20 * layers.length);
  }));
