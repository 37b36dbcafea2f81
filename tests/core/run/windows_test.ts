/** A model's own windows of keys: in a pass, in segments that share their past, token by token, and what probes of attention see of them. */
import assert from "node:assert/strict";
import { type Engine, webgpuEngine } from "core/engine/mod.ts";
import { type AttentionInput, attentionStatsReference } from "core/kernels/mod.ts";
import { type AttentionSpec, type Model, scoring } from "core/models/mod.ts";
import { attentionSizes, attentionStatsProbe, FLOAT32, keyBytes, score, valuesProbe } from "core/run/mod.ts";
import { noDrop } from "core/measure/mod.ts";
import { decoder } from "core/run/decode/mod.ts";
import type { Segment } from "core/run/segments.ts";
import { distance, engineWith, expectNear, largest, pass, stateTolerance, withFixture } from "../../model.ts";
import { byTurns, engine, isThorough, randomBlocks, released, thorough } from "../../support.ts";
import { expectStats } from "./attention_tolerances.ts";
import { nllOf, segmentStreams, stepLogits } from "./states.ts";

/** Ways to run attention; in words, why one does not run here. A device that the CPU plays is slow. */
const engines: Record<string, Engine | string> = {
  "the CPU's": engine,
  "CUDA's": engineWith({ attention: "standard", masked: "standard" }),
  decomposed: engineWith({ attention: "decomposed", masked: "decomposed" }),
  "WebGPU's": await webgpuEngine().catch((error: Error) => error.message),
};

/** The model with windows of `window` keys in all its layers. */
function windowed(model: Model, window: number, others: Partial<AttentionSpec> = {}): Model {
  const layers = model.spec.layers.map((layer) => (
    { ...layer, attention: { ...scoring(layer.attention)!, window, ...others } }
  ));
  return { ...model, spec: { ...model.spec, layers } };
}

Deno.test("a long text has the same loss in slices of a pass, in parts of a prompt, and token by token", () =>
  withFixture("llama", async ({ model: full }) => {
    const { ids } = randomBlocks(1, isThorough ? 600 : 300, full.spec.vocabulary); // more than a slice
    const segments: Segment[] = [{ ids, past: null }];
    const nll = async (model: Model) => (await score({ model, engine, segments, plans: [noDrop] }))[0][0].nll;
    for (const keys of byTurns([40, 1, 280], 0)) {
      const model = windowed(full, keys);
      const own = await nll(model);
      const rows = await stepLogits({ model, plan: noDrop }, ids, 1);
      const logits = Float32Array.from(rows.flatMap((row) => [...row]));
      const most = 2 * stateTolerance(model.spec) * largest(logits) * Math.sqrt(ids.length);
      assert.ok(Math.abs(own - nllOf(ids, logits)) <= most, `${keys}: ${own}`);
      assert.ok(Math.abs(own - await nll(full)) > most);
      const prompt = (await stepLogits({ model, plan: noDrop }, ids, ids.length))[0];
      expectNear(model.spec, rows.at(-1)!, prompt);
    }
  }));

Deno.test("scores are capped before keys are hidden, in every way that attention is run", () =>
  withFixture("llama", async ({ model, blocks }) => {
    const capped = windowed(model, 3, { softcap: 1.5 });
    const ids = blocks.ids.subarray(0, blocks.length);
    const ways = Object.values(engines).slice(0, 3) as Engine[];
    const [grouped, ...others] = await Promise.all(
      ways.map((engine) => stepLogits({ model: capped, engine, plan: noDrop }, ids, 6)),
    );
    grouped.forEach((row, t) => others.forEach((other) => expectNear(model.spec, other[t], row, `row ${t}`)));
    const segments = [{ ids, past: null }];
    const [[{ nll }]] = await score({ model: capped, engine, segments, plans: [noDrop] });
    const rows = await stepLogits({ model: capped, plan: noDrop }, ids, 1);
    const logits = Float32Array.from(rows.flatMap((row) => [...row]));
    const most = 2 * stateTolerance(model.spec) * largest(logits) * Math.sqrt(ids.length);
    assert.ok(Math.abs(nll - nllOf(ids, logits)) <= most);
  }));

for (const name of ["llama", "gemma3", "deepseek-v3"]) {
  for (const way of ["the CPU's", "decomposed"]) {
    Deno.test(`${name}: segments that share their past see windows of the whole text, by ${way} attention`, () =>
      withFixture(name, async ({ model: full, blocks }) => {
        const model = windowed(full, 3);
        const ids = blocks.ids.subarray(0, blocks.length);
        const { hidden } = model.spec;
        const segments: Segment[] = [
          { ids: ids.subarray(0, 1), past: null },
          { ids: ids.subarray(1, 9), past: 0 },
          { ids: ids.subarray(9), past: 1 },
          { ids: ids.subarray(9), past: 1, parents: Int32Array.from(ids.subarray(9), (_, i) => i - 1) },
          { ids: Int32Array.of(ids[9], ids[9], ids[10]), past: 1, parents: Int32Array.of(-1, -1, 1) },
        ];
        const [[whole]] = await segmentStreams(model, [{ ids, past: null }], [noDrop]);
        const [parts] = await segmentStreams(model, segments, [noDrop], undefined, engines[way] as Engine);
        const near = (found: Float32Array, from: number, what: string) => {
          const wanted = whole.subarray(from * hidden, from * hidden + found.length);
          const error = distance(found, wanted) / largest(whole);
          assert.ok(error <= stateTolerance(model.spec), `${what}: ${error}`);
        };
        const whats = ["the first token", "its continuation", "the rest", "the rest as a tree"];
        whats.forEach((what, i) => near(parts[i], [0, 1, 9, 9][i], what));
        near(parts[4].subarray(hidden), 9, "a branch");
      }));
  }
}

for (const [way, on] of Object.entries(engines)) {
  if (typeof on === "string") continue;
  for (const [n, name] of ["llama", "gemma3"].entries()) {
    const test = way === "WebGPU's" && name === "llama" ? thorough : Deno.test;
    test(`${name}: keys that windows have left are freed, and the others serve, by ${way} attention`, () =>
      withFixture(name, async ({ model: full }) => {
        const steps = way === "WebGPU's" && !isThorough ? 4 : 30;
        const { ids } = randomBlocks(1, 280 + steps, full.spec.vocabulary);
        const before = on.live;
        const perToken = keyBytes(full.spec, noDrop, 1, FLOAT32);
        for (const keys of byTurns([9, 1], n)) {
          const model = windowed(full, keys);
          await using opened = released(await decoder({ model, engine: on, plan: noDrop }));
          let logits = await opened.prefill([ids.subarray(0, 280)]);
          for (const id of ids.subarray(280)) logits = await opened.step([id]);
          const most = Math.max(2, keys) - 1 + 32; // rows to spare behind what is seen
          assert.ok(opened.keyBytes <= most * perToken, `${keys}: ${opened.keyBytes}`);
          const stepped = logits.slice();
          expectNear(model.spec, stepped, await opened.prefill([ids]), `${keys}`);
        }
        assert.equal(on.live, before, "tensors are left");
      }));
  }
}

for (const name of ["llama", "gemma2"]) {
  for (const [keys, length, stride] of [[4, 101, 1], [70, 300, 7], [1, 200, 4], [60, 50, 1]]) {
    const test = name === "gemma2" || length < 200 ? Deno.test : thorough;
    test(`attention statistics of ${name}: ${length} tokens, windows of ${keys}`, () =>
      withFixture(name, async ({ model: full }) => {
        const model = windowed(full, keys);
        const { spec: { layers, vocabulary } } = model;
        const statistics = attentionStatsProbe(layers, (stats) => stats, { stride });
        const inputs: AttentionInput[] = [];
        const seen = valuesProbe(layers, ["q", "k", "attention"], ({ layer, q, k, attention }) => {
          const sizes = attentionSizes(scoring(layers[layer].attention)!, length, stride);
          inputs[layer] = { ...sizes, q: q.data, k: k.data };
          for (const { query, data, shape: [heads, columns] } of attention) {
            for (let head = 0; head < heads; head++) {
              data.subarray(head * columns, (head + 1) * columns)
                .forEach((share, key) => assert.equal(share > 0, query - key < keys));
            }
          }
        });
        await pass(model, randomBlocks(1, length, vocabulary), [statistics, seen]);
        for (const [l, input] of inputs.entries()) {
          expectStats(statistics.stats[l]![0], attentionStatsReference(input), input, `layer ${l}`);
        }
      }));
  }
}
