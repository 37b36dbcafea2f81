/**
 * Attention over windows and the first keys of a text beside Hugging Face's own code with such masks (fixtures/make_windows.py): a pass,
 * segments that share their past, and token by token, in every way that attention is run. Tolerances are those of changes_test.ts.
 */
import assert from "node:assert/strict";
import { type Engine, webgpuEngine } from "../../src/engine/mod.ts";
import { type AttentionInput, attentionStatsReference } from "../../src/kernels/mod.ts";
import { type Change, type DropPlan, PATTERN_NAMES, planHash, planText } from "../../src/measure/mod.ts";
import { type Model, scoring } from "../../src/models/mod.ts";
import {
  attentionSizes,
  attentionStatsProbe,
  changedSpec,
  decoder,
  dropPlan,
  forward,
  keepTensors,
  noDrop,
  score,
  type Segment,
  segmentsOf,
  valuesProbe,
  workOf,
} from "../../src/run/mod.ts";
import { float32, type Tensor } from "../../src/tensor/mod.ts";
import { type Expected, parse } from "../fixtures/read.ts";
import {
  distance,
  engine,
  engineWith,
  largest,
  randomBlocks,
  stateTolerance,
  withFixture,
} from "../support.ts";
import { tolerances } from "./attention_tolerances.ts";
import { nllOf } from "./states.ts";

const folder = new URL("../fixtures/windows/", import.meta.url);
const names = [...Deno.readDirSync(folder)].map(({ name }) => name.replace(".safetensors", "")).sort();

/** The cases of make_windows.py: keys and sinks by layer. */
const CASES: Record<string, Record<number, readonly [keys: number, sinks: number]>> = {
  all: { 0: [3, 2], 1: [3, 2], 2: [3, 2] },
  one: { 1: [4, 0] },
  refit: { 0: [2, 1], 2: [9, 3] },
};

type Tensors = Map<string, Expected>;

const windowOf = (layer: number, keys: number, sinks: number, tensors?: string): Change => ({
  layer,
  module: "attention",
  to: "window",
  keys,
  sinks,
  ...tensors ? { tensors } : {},
});

/** The plan of a case; the other output projection is PyTorch's. */
function planFor({ spec }: Model, tensors: Tensors, name: string): DropPlan {
  const found = ["weight", "bias"].flatMap((part): [string, Tensor][] => {
    const tensor = tensors.get(`refit.${part}`);
    return tensor ? [[`o_proj.${part}`, float32(tensor.shape, tensor.data as Float32Array)]] : [];
  });
  const changes = Object.entries(CASES[name]).map(([layer, [keys, sinks]]) => {
    const isRefitted = name === "refit" && layer === "0";
    return windowOf(Number(layer), keys, sinks, isRefitted ? keepTensors(new Map(found)) : undefined);
  });
  return dropPlan(spec, { changes });
}

async function withWindows(
  name: string,
  use: (
    opened: { model: Model; ids: Int32Array; tensors: Tensors; plans: Record<string, DropPlan> },
  ) => Promise<void>,
): Promise<void> {
  const tensors = parse(await Deno.readFile(new URL(`${name}.safetensors`, folder)));
  await withFixture(name, async ({ model }) => {
    const plans = Object.fromEntries(Object.keys(CASES).map((key) => [key, planFor(model, tensors, key)]));
    await use({ model, ids: tensors.get("ids")!.data as Int32Array, tensors, plans });
  });
}

/** Ways to run attention; in words, why one does not run here. A device that the CPU plays is slow. */
const engines: Record<string, { on: Engine | string; names?: readonly string[] }> = {
  "the CPU's": { on: engine },
  "CUDA's": { on: engineWith({ attention: "standard", masked: "standard" }) },
  decomposed: { on: engineWith({ attention: "decomposed", masked: "decomposed" }) },
  "WebGPU's": {
    on: await webgpuEngine().catch((error: Error) => error.message),
    names: ["llama", "gemma3"],
  },
};

for (const [way, { on, names: some = names }] of Object.entries(engines)) {
  for (const name of some) {
    const title = `${name}: windows of keys give PyTorch's losses, by ${way} attention`;
    if (typeof on === "string") {
      Deno.test({ name: `${title} (skipped: ${on})`, ignore: true, fn() {} });
      continue;
    }
    Deno.test(title, () =>
      withWindows(name, async ({ model, ids, tensors, plans }) => {
        const before = on.live;
        const segments = segmentsOf({ ids, samples: 1, length: ids.length });
        const scores = await score({
          model,
          engine: on,
          segments,
          plans: [noDrop, ...Object.values(plans)],
        });
        assert.equal(on.live, before);
        for (const [i, key] of Object.keys(plans).entries()) {
          const logits = tensors.get(`logits.${key}`)!.data as Float32Array;
          const expected = nllOf(ids, logits);
          const most = 2 * stateTolerance(model.spec) * largest(logits) * Math.sqrt(ids.length);
          const error = Math.abs(scores[1 + i][0].nll - expected);
          assert.ok(error <= most, `${key}: ${scores[1 + i][0].nll}, expected ${expected} ± ${most}`);
        }
      }));
  }
}

/** Logits of each token of a text from `prompt` − 1 on. */
async function logitsOf(
  model: Model,
  on: Engine,
  plan: DropPlan,
  ids: Int32Array,
  prompt: number,
  budget?: number,
): Promise<Float32Array[]> {
  const opened = await decoder({ model, engine: on, plan, budget });
  try {
    const rows = [await opened.prefill(ids.subarray(0, prompt))];
    for (const id of ids.subarray(prompt)) rows.push(await opened.step(id));
    return rows;
  } finally {
    await opened.release();
  }
}

for (const [way, { on, names: some = names }] of Object.entries(engines)) {
  if (typeof on === "string") continue;
  for (const name of some) {
    Deno.test(`${name}: windows of keys give PyTorch's logits token by token, by ${way} attention`, () =>
      withWindows(name, async ({ model, ids, tensors, plans }) => {
        for (const [key, plan] of Object.entries(plans)) {
          const expected = tensors.get(`logits.${key}`)!.data as Float32Array;
          const most = stateTolerance(model.spec) * largest(expected);
          const words = expected.length / ids.length;
          for (const budget of way === "WebGPU's" ? [undefined] : [undefined, 0]) {
            const rows = await logitsOf(model, on, plan, ids, 6, budget);
            rows.forEach((row, i) => {
              const error = distance(row, expected.subarray((5 + i) * words, (6 + i) * words));
              assert.ok(error <= most, `${key}, token ${5 + i}: off by ${error}, at most ${most}`);
            });
          }
        }
      }));
  }
}

for (const name of ["llama", "gpt-oss"]) {
  for (const [way, { on }] of Object.entries(engines).slice(0, 3)) {
    Deno.test(`${name}: texts side by side see windows of their own, by ${way} attention`, () =>
      withWindows(name, async ({ model, ids, plans }) => {
        const texts = [ids, ids.toReversed()];
        const opened = await decoder({ model, engine: on as Engine, plan: plans.all, texts: 2 });
        try {
          let both = await opened.prefill(...texts.map((text) => text.subarray(0, 9)));
          for (let t = 9; t < ids.length; t++) both = await opened.step(texts[0][t], texts[1][t]);
          for (const [i, text] of texts.entries()) {
            const alone = (await logitsOf(model, on as Engine, plans.all, text, 9)).at(-1)!;
            const own = both.subarray(i * alone.length, (i + 1) * alone.length);
            assert.ok(distance(own, alone) <= stateTolerance(model.spec) * largest(alone));
          }
        } finally {
          await opened.release();
        }
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
      Object.values(engines).slice(0, 3).map(({ on }) => logitsOf(capped, on as Engine, plans.all, ids, 6)),
    );
    grouped.forEach((row, t) => {
      for (const other of [standard[t], products[t]]) {
        assert.ok(distance(row, other) <= stateTolerance(model.spec) * largest(row), `row ${t}`);
      }
    });
    const [{ nll }] =
      (await score({ model: capped, engine, segments: [{ ids, past: null }], plans: [plans.all] }))[0];
    const rows = await logitsOf(capped, engine, plans.all, ids, 1);
    const logits = Float32Array.from(rows.flatMap((row) => [...row]));
    const most = 2 * stateTolerance(model.spec) * largest(logits) * Math.sqrt(ids.length);
    assert.ok(Math.abs(nll - nllOf(ids, logits)) <= most);
  }));

Deno.test("a long text has the same loss in slices of a pass, in parts of a prompt, and token by token", () =>
  withFixture("llama", async ({ model }) => {
    const { ids } = randomBlocks(1, 600, model.spec.vocabulary);
    for (const [keys, sinks] of [[40, 3], [1, 300], [280, 270]]) {
      const changes = model.spec.layers.map((_, layer) => windowOf(layer, keys, sinks));
      const plan = dropPlan(model.spec, { changes });
      const [[full], [{ nll }]] = await score({
        model,
        engine,
        segments: [{ ids, past: null }],
        plans: [noDrop, plan],
      });
      const rows = await logitsOf(model, engine, plan, ids, 1);
      const logits = new Float32Array(rows.length * rows[0].length);
      rows.forEach((row, t) => logits.set(row, t * row.length));
      const most = 2 * stateTolerance(model.spec) * largest(logits) * Math.sqrt(ids.length);
      assert.ok(Math.abs(nll - nllOf(ids, logits)) <= most, `${keys} and ${sinks}: ${nll}`);
      assert.ok(Math.abs(nll - full.nll) > most);
      const prompt = (await logitsOf(model, engine, plan, ids, ids.length))[0];
      assert.ok(distance(prompt, rows.at(-1)!) <= stateTolerance(model.spec) * largest(prompt));
    }
  }));

/** The stream [T, D] that leaves the last layer, of each segment. */
async function streamsOf(
  model: Model,
  on: Engine,
  segments: readonly Segment[],
  plan: DropPlan,
): Promise<Float32Array[]> {
  const streams: Float32Array[] = [];
  await forward({
    model,
    engine: on,
    segments,
    plans: [plan],
    async finish([state], batches) {
      for (const [b, { first, count }] of batches.entries()) {
        const data = (await on.read(state.batches[b])).data as Float32Array;
        for (let i = 0; i < count; i++) {
          streams[first + i] = data.slice(i * data.length / count, (i + 1) * data.length / count);
        }
        state.batches[b].free();
      }
    },
  });
  return streams;
}

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
        for (const plan of Object.values(plans)) {
          const [whole] = await streamsOf(model, engine, [{ ids, past: null }], plan);
          const parts = await streamsOf(model, on, segments, plan);
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

for (const name of ["llama", "gemma3", "deepseek-v3", "gpt-oss"]) {
  Deno.test(`${name}: a text no longer than the window gives the full model's numbers to the bit`, () =>
    withWindows(name, async ({ model, ids }) => {
      const { length } = ids;
      const wide = (sinks: number) =>
        dropPlan(model.spec, {
          changes: model.spec.layers.map((_, layer) => windowOf(layer, length, sinks)),
        });
      const segments: Segment[] = [
        { ids: ids.subarray(0, 9), past: null },
        { ids: ids.subarray(9), past: 0 },
        { ids, past: null },
      ];
      for (const { on } of Object.values(engines).slice(0, 3)) {
        const full = await streamsOf(model, on as Engine, segments, noDrop);
        const stepped = await logitsOf(model, on as Engine, noDrop, ids, 5);
        for (const sinks of [0, 2]) {
          assert.deepEqual(await streamsOf(model, on as Engine, segments, wide(sinks)), full);
          assert.deepEqual(await logitsOf(model, on as Engine, wide(sinks), ids, 5), stepped);
        }
      }
    }));
}

Deno.test("a module's own window that is no larger stays, without first keys", () =>
  withFixture("gemma3", ({ model: { spec } }) => {
    const changes = spec.layers.map((_, layer) => windowOf(layer, 7, 2));
    const { layers } = changedSpec(spec, dropPlan(spec, { changes }));
    const seen = layers.map(({ attention }) => {
      const { window, firstKeys } = scoring(attention)!;
      return [window, firstKeys];
    });
    assert.deepEqual(seen, [[6, undefined], [6, undefined], [7, 2], [6, undefined]]);
    return Promise.resolve();
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
    return Promise.resolve();
  });
  await withFixture("qwen3-next", ({ model: { spec } }) => {
    const layer = spec.layers.findIndex(({ attention }) => !scoring(attention));
    assert.throws(
      () => dropPlan(spec, { changes: [windowOf(layer, 8, 0)] }),
      /attention \d to a window: it is linear attention, expected softmax attention/,
    );
    return Promise.resolve();
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
    const bytes = { matrix: 4, other: 4, key: 4 };
    const seen = (past: number, tokens: number) => {
      const { core } = workOf(spec, plan, bytes)({ texts: 1, tokens, past }).find(({ core }) => core)!;
      return core!.flops / (4 * heads * headSize);
    };
    assert.deepEqual([seen(0, 1), seen(5, 1), seen(6, 1), seen(7, 1), seen(100, 1)], [1, 6, 7, 7, 7]);
    assert.equal(seen(5, 3), 6 + 7 + 7);
    return Promise.resolve();
  }));

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
