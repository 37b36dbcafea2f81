/** What windows are as changes of a plan: refused by name where they cannot be, in words, their work, and what probes of attention see. */
import assert from "node:assert/strict";
import { type Change, type DropPlan, PATTERN_NAMES, planHash, planText } from "../../../src/measure/mod.ts";
import { scoring } from "../../../src/models/mod.ts";
import {
  attentionSizes,
  attentionStatsProbe,
  changedSpec,
  dropPlan,
  FLOAT32,
  forward,
  keyBytes,
  noDrop,
  segmentsOf,
  valuesProbe,
  workOf,
} from "../../../src/run/mod.ts";
import { savesOf } from "../../../src/study/orders/sizes.ts";
import { sizesOf } from "../../../src/subject/mod.ts";
import { type AttentionInput, attentionStatsReference } from "../../../src/kernels/mod.ts";
import { engine, randomBlocks, thorough, withFixture } from "../../support.ts";
import { tolerances } from "../attention_tolerances.ts";
import { windowOf } from "./windows.ts";

Deno.test("a module's own window that is no larger stays, without first keys", () =>
  withFixture("gemma3", ({ model: { spec } }) => {
    const changes = spec.layers.map((_, layer) => windowOf(layer, 7, 2));
    const { layers } = changedSpec(spec, dropPlan(spec, { changes }));
    const seen = layers.map(({ attention }) => {
      const { window, firstKeys } = scoring(attention)!;
      return [window, firstKeys];
    });
    assert.deepEqual(seen, [[6, undefined], [6, undefined], [7, 2], [6, undefined]]);
  }));

Deno.test("windows that cannot be are refused by name", async () => {
  await withFixture("llama", ({ model: { spec } }) => {
    const refused = (changes: unknown[], message: RegExp) =>
      assert.throws(() => dropPlan(spec, { changes: changes as Change[] }), { name: "RangeError", message });
    for (const keys of [0, -1, 1.5, NaN, Infinity, 2 ** 53, "8", undefined, null]) {
      const own = { ...windowOf(1, 1, 0), keys };
      refused(
        [own],
        /change attention 1 to a window: keys is .*, expected a whole number from 1 to 1073741824/,
      );
    }
    for (const sinks of [-1, 1.5, NaN, Infinity, 2 ** 53, undefined]) {
      refused([{ ...windowOf(1, 1, 0), sinks }], /change attention 1 to a window: sinks is .*, .* from 0 to/);
    }
    refused(
      [{ ...windowOf(1, 1, 0), module: "mlp" }],
      /change mlp 1 to a window: .*, expected softmax attention/,
    );
    refused([windowOf(1, 8, 0, "x")], /attention 1: tensors is x, expected a SHA-256/);
    refused([windowOf(1, 8, 0), windowOf(1, 9, 0)], /attention 1: it is changed twice/);
  });
  await withFixture("qwen3-next", ({ model: { spec } }) => {
    const layer = spec.layers.findIndex(({ attention }) => !scoring(attention));
    assert.throws(
      () => dropPlan(spec, { changes: [windowOf(layer, 8, 0)] }),
      /attention \d to a window: it is linear attention, expected softmax attention/,
    );
  });
});

Deno.test("windows in words, and their identity", () => {
  const plan = (...changes: Change[]): DropPlan => ({ attention: [], mlp: [], changes });
  const hash = "0".repeat(64);
  assert.equal(
    planText(plan(windowOf(5, 64, 4), windowOf(6, 64, 4))),
    "attention 5 6 (window of 64 keys and 4 sinks)",
  );
  assert.equal(planText(plan(windowOf(5, 1, 1, hash))), "attention 5 (window of 1 key and 1 sink, refitted)");
  assert.equal(planText(plan(windowOf(5, 8, 0))), "attention 5 (window of 8 keys)");
  const all = [windowOf(5, 8, 0), windowOf(5, 8, 1), windowOf(5, 9, 0), windowOf(5, 8, 0, hash)];
  assert.equal(new Set(all.map((change) => planHash(plan(change)))).size, all.length);
});

Deno.test("work is that of the keys in sight", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const plan = dropPlan(spec, { changes: spec.layers.map((_, layer) => windowOf(layer, 5, 2)) });
    const { heads, headSize } = scoring(spec.layers[0].attention)!;
    const seen = (past: number, tokens: number) => {
      const { core } = workOf(spec, plan, FLOAT32)({ texts: 1, tokens, past }).find(({ core }) => core)!;
      return core!.flops / (4 * heads * headSize);
    };
    assert.deepEqual([seen(0, 1), seen(5, 1), seen(6, 1), seen(7, 1), seen(100, 1)], [1, 6, 7, 7, 7]);
    assert.equal(seen(5, 3), 6 + 7 + 7);
  }));

Deno.test("keys behind a window take no bytes, as a plan says what it saves", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const plan = (keys: number, sinks: number) =>
      dropPlan(spec, { changes: spec.layers.map((_, layer) => windowOf(layer, keys, sinks)) });
    const of = (plan: DropPlan, tokens: number) => keyBytes(spec, plan, tokens, FLOAT32);
    for (const [keys, sinks] of [[64, 4], [5, 0]]) {
      const most = keys + sinks;
      const sizes = sizesOf(spec);
      for (const tokens of [1, most, most + 1, 8192]) {
        const own = of(plan(keys, sinks), tokens);
        assert.equal(own, of(noDrop, Math.min(most, tokens)));
        assert.equal(of(noDrop, tokens) - own, 2 * savesOf(plan(keys, sinks), sizes, tokens).kv.bytes); // 32 bits
      }
    }
  }));

for (const name of ["llama", "gemma2"]) {
  for (
    const { keys, sinks, length, stride } of [
      { keys: 4, sinks: 2, length: 101, stride: 1 },
      { keys: 70, sinks: 60, length: 300, stride: 7 },
      { keys: 1, sinks: 130, length: 200, stride: 4 },
      { keys: 60, sinks: 1, length: 50, stride: 1 },
    ]
  ) {
    const test = name === "gemma2" || length < 200 ? Deno.test : thorough;
    test(`attention statistics of ${name}: ${length} tokens, ${keys} keys and the first ${sinks}`, () =>
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
