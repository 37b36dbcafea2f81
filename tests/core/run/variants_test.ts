/** Modules, tables and layers in the variants that plans need: their specifications, what is read for them, and what is released. */
import assert from "node:assert/strict";
import { normalDraw } from "core/kernels/mod.ts";
import type { Model } from "core/models/mod.ts";
import { type Change, changeHash, type DropPlan, type TablesChange } from "core/measure/mod.ts";
import { meanSpec } from "core/models/mod.ts";
import { dropPlan, keepTensors, noDrop } from "core/run/mod.ts";
import { matricesIn } from "core/run/plan/changes.ts";
import {
  changedModel,
  checkedTensors,
  embeddingKey,
  headOf,
  headsOf,
  isRun,
  variantModel,
  variantOf,
  withTables,
} from "core/run/plan/variants.ts";
import { layerVariants, readingAhead } from "core/run/plan/trie.ts";
import { float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { rounded, type WeightSource } from "core/weights/mod.ts";
import { withFixture } from "../../model.ts";
import { engine, refuses } from "../../support.ts";

const draw = normalDraw(engine);

/** A model whose source counts leases that are out, and fails once `reads` are made. */
function counting(model: Model, reads = Infinity) {
  const count = { read: 0, held: 0 };
  const lease = async (take: () => ReturnType<Model["weights"]["layer"]>) => {
    if (++count.read > reads) throw new Error("no more");
    const own = await take();
    count.held++;
    return { ...own, release: () => (count.held--, own.release()) };
  };
  const { weights } = model;
  const source: Model["weights"] = {
    format: weights.format,
    storage: (l, name) => weights.storage(l, name),
    layer: (...args) => lease(() => weights.layer(...args)),
    part: (...args) => lease(() => weights.part(...args)),
    outer: (...args) => weights.outer(...args),
    outerBlocks: () => Promise.resolve(null),
    close: () => weights.close(),
  };
  return { model: { ...model, weights: source }, count };
}

const zeros = (size: number) => keepTensors(new Map([["mean", float32([size], new Float32Array(size))]]));

Deno.test("a layer is read once for all plans that leave a module as it is, and once for each change", () =>
  withFixture("llama", async ({ model: full }) => {
    const tensors = zeros(full.spec.hidden);
    const plan = (...modules: ("attention" | "mlp")[]): DropPlan => ({
      ...noDrop,
      changes: modules.map((module) => ({ layer: 0, module, to: "mean", tensors })),
    });
    const dropped: DropPlan = { attention: [0], mlp: [0] };
    const table: [plans: DropPlan[], reads: number, variants: number[]][] = [
      [[noDrop, noDrop], 1, [1, 1]],
      [[dropped], 0, [0, 0]],
      [[plan("attention", "mlp")], 2, [1, 1]],
      [[plan("attention")], 2, [1, 1]],
      [[plan("attention", "mlp"), noDrop], 3, [2, 2]],
      [[plan("attention"), plan("mlp")], 3, [2, 2]],
    ];
    for (const [plans, reads, variants] of table) {
      const { model, count } = counting(full);
      const { attention, mlp, release } = await layerVariants(model, engine, draw, plans, 0, false);
      assert.deepEqual([attention.size, mlp.size], variants);
      assert.deepEqual(count, { read: reads, held: reads });
      release();
      assert.equal(count.held, 0);
    }
  }));

Deno.test("a layer that cannot be read whole is released as far as it was", () =>
  withFixture("llama", async ({ model: full }) => {
    const tensors = zeros(full.spec.hidden);
    const change = { layer: 0, module: "attention", to: "mean", tensors } as const;
    const { model, count } = counting(full, 1);
    const plans = [noDrop, { ...noDrop, changes: [change] }];
    await assert.rejects(layerVariants(model, engine, draw, plans, 0, false), /^Error: no more$/);
    assert.equal(count.held, 0);
  }));

/** Layers as numbers, whose reading and releasing is written down; layer 3 cannot be read. */
function reader() {
  const log: string[] = [];
  const read = (l: number) => {
    log.push(`read ${l}`);
    if (l === 3) return Promise.reject(new Error("layer 3 is damaged"));
    return Promise.resolve({ l, release: () => void log.push(`release ${l}`) });
  };
  return { log, ...readingAhead(read) };
}

Deno.test("a layer that was read ahead is taken once; another one in its place is released", async () => {
  const { log, take, readAhead, forget } = reader();
  readAhead(1);
  assert.deepEqual(log, [], "only once the running work is handed over");
  assert.equal((await take(1)).l, 1);
  assert.deepEqual(log, ["read 1"]);
  assert.equal((await take(1)).l, 1);
  readAhead(2);
  assert.equal((await take(0)).l, 0);
  assert.deepEqual(log, ["read 1", "read 1", "read 2", "release 2", "read 0"]);
  await forget();
  readAhead(1);
  await forget();
  await forget();
  assert.deepEqual(log.slice(5), ["read 1", "release 1"]);
});

Deno.test("an error of reading ahead fails who takes that layer, and nobody else", async () => {
  const { log, take, readAhead, forget } = reader();
  readAhead(3);
  await assert.rejects(take(3), /layer 3 is damaged/);
  readAhead(3);
  while (log.length < 2) await new Promise((resolve) => setTimeout(resolve));
  await new Promise((resolve) => setTimeout(resolve)); // the error has come, and nobody took the layer yet
  assert.equal((await take(1)).l, 1);
  readAhead(3);
  await forget();
  assert.deepEqual(log, ["read 3", "read 3", "read 1", "read 3"]);
});

const scaled = (layer: number): Change => ({ layer, module: "mlp", to: "scaled", along: 0.5, across: 1 });

Deno.test("a module under a plan is as it is, nothing, or another specification under the change's hash", () =>
  withFixture("llama", ({ model }) => {
    const { spec } = model;
    const [layer] = spec.layers;
    const of = (plan: Partial<DropPlan>, module: "attention" | "mlp" = "mlp", own = layer) =>
      variantOf({ ...noDrop, ...plan }, own, 0, module);
    const [full, gone] = [{ key: "full", spec: layer.mlp, change: null }, {
      key: "nothing",
      spec: null,
      change: null,
    }];
    const changes: Change[] = [scaled(1), { layer: 0, module: "attention", to: "nothing" }, scaled(0)];
    assert.deepEqual([of({}), of({ mlp: [1], attention: [0] }), of({ changes: changes.slice(0, 2) })], [
      full,
      full,
      full,
    ]);
    assert.deepEqual(
      [of({ mlp: [0] }), of({ changes }, "attention"), of({}, "mlp", { ...layer, mlp: null })],
      [...[gone, gone, gone]],
    );
    const { key, spec: own, change } = of({ changes });
    assert.deepEqual([key, change], [changeHash(changes[2]), changes[2]]);
    assert.deepEqual(own, { ...layer.mlp, updateSides: { along: 0.5, across: 1 } });
    assert.deepEqual([isRun(null), isRun(layer.mlp), isRun(meanSpec)], [false, true, false]);

    assert.deepEqual(changedModel(model, noDrop), { ...model, spec: { ...spec } });
    assert.equal(changedModel(model, { ...noDrop, mlp: [0] }).weights, model.weights);
    assert.notEqual(changedModel(model, { ...noDrop, changes }).weights, model.weights);
    for (const variant of [of({}), of({ changes })]) {
      const alone = variantModel(model, 0, "mlp", variant);
      const layers = spec.layers.with(0, {
        ...layer,
        attention: null,
        mlp: variant.spec as typeof layer.mlp,
      });
      assert.deepEqual([alone.spec, alone.name], [{ ...spec, layers }, model.name]);
    }
    const attention = variantModel(model, 1, "attention", of({})).spec.layers[1];
    assert.deepEqual(attention, { ...spec.layers[1], mlp: null });
  }));

/** Weights that say what they are asked for; tables have numbers of their own. */
function told(weights: WeightSource, own: Partial<WeightSource> = {}) {
  const released: string[] = [];
  const tables = ["embedding.weight", "head.weight"].map((name, by) =>
    [name, float32([2, 32], Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * i + by)))] as const
  );
  const numbers = new Map<string, Tensor>(tables);
  const source: WeightSource = {
    ...weights,
    storage: (l, name) => ({ dtype: "bf16", type: `${l} ${name}` }),
    part: async (l, cuts, keeps) => {
      const lease = await weights.part(l, cuts, keeps);
      return { ...lease, release: () => (released.push([...cuts.keys()].join()), lease.release()) };
    },
    outer: (name) => Promise.resolve(numbers.get(name) ?? float32([1], Float32Array.of(7))),
    outerBlocks: (name) => Promise.resolve(name as never),
    ...own,
  };
  return { source, numbers, released };
}

Deno.test("tables of words under a plan: which is read, how it is stored, and by what it is rounded", () =>
  withFixture("llama", async ({ model: { weights, ...model } }) => {
    const { source, numbers } = told(weights);
    const columns = Float32Array.from({ length: 32 }, (_, i) => 0.01 + (i % 7) ** 3);
    const tensors = keepTensors(new Map([["importance", float32([32], columns)]]));
    const tied = { ...model, spec: { ...model.spec, head: { ...model.spec.head, tied: true } } };
    type Own = readonly [of: string, type?: string, isWeighed?: boolean];
    const rows: [tables: TablesChange, embedding: Own, head: Own, isTied?: boolean][] = [
      [{ both: "head" }, ["head"], ["head"]],
      [{ both: "embedding" }, ["embedding"], ["embedding"]],
      [{ both: "head", embedding: "Q4_0", tensors }, ["head", "Q4_0", true], ["head", "Q4_0", true]],
      [{ embedding: "Q4_0", head: "Q5_0", tensors }, ["embedding", "Q4_0"], ["head", "Q5_0", true]],
      [{ embedding: "Q4_0" }, ["embedding", "Q4_0"], ["head"]],
      [{ head: "Q8_0", tensors }, ["embedding"], ["head", "Q8_0", true]],
      [{ embedding: "Q5_1", tensors }, ["embedding", "Q5_1", true], ["head", "Q5_1", true], true],
    ];
    for (const [tables, embedding, head, isTied] of rows) {
      const own = withTables({ ...isTied ? tied : model, weights: source }, tables);
      assert.deepEqual([own.name, own.weights.format], [model.name, weights.format]);
      for (const [name, [of, type, isWeighed]] of [["embedding", embedding], ["head", head]] as const) {
        const what = `${JSON.stringify(tables)}, ${name}`;
        const stored = numbers.get(`${of}.weight`)!;
        const expected = type ? rounded(type, stored, isWeighed ? columns : undefined) : stored;
        const found = await own.weights.outer(`${name}.weight`);
        assert.deepEqual(toFloat32(found), toFloat32(expected), what);
        const storage = type ? { dtype: "f32" } : { dtype: "bf16", type: `null ${of}.weight` };
        assert.deepEqual(own.weights.storage(null, `${name}.weight`), storage, what);
        const blocks = await own.weights.outerBlocks!(`${name}.weight`, () => true);
        assert.equal(blocks, type ? null : `${of}.weight`, what);
      }
      for (
        const [l, name] of [[null, "final_norm.weight"], [1, "head.weight"], [1, "embedding.weight"]] as const
      ) {
        assert.equal(own.weights.storage(l, name).type, `${l} ${name}`, "tables lie outside the layers");
      }
      assert.deepEqual(toFloat32(await own.weights.outer("final_norm.weight")), Float32Array.of(7));
      assert.equal(await own.weights.outerBlocks!("final_norm.weight", () => true), "final_norm.weight");
    }
    for (const [isInBlocks, expected] of [[undefined, false], [true, true]] as const) {
      const bare = {
        ...model,
        weights: told(weights, { isInBlocks, outerBlocks: undefined as never }).source,
      };
      for (const plan of [{ tables: { both: "head" } as const }, { changes: [scaled(0)] }]) {
        const own = changedModel(bare, { ...noDrop, ...plan }).weights;
        assert.equal(own.isInBlocks, expected);
        assert.equal(await own.outerBlocks!("final_norm.weight", () => true), null);
      }
    }
    const short = keepTensors(new Map([["importance", float32([2], Float32Array.of(1, 1))]]));
    assert.throws(() => withTables({ ...model, weights }, { head: "Q4_0", tensors: short }), {
      name: "RangeError",
      message: `Cannot run ${model.name}: tensor tables.importance has shape [2], expected [32]`,
    });
  }));

Deno.test("plans share the stream that enters the layers, and heads, where their tables are the same", () =>
  withFixture("llama", ({ model }) => {
    const tensors = keepTensors(new Map([["importance", float32([32], new Float32Array(32).fill(1))]]));
    const plans = (...all: (TablesChange | undefined)[]) => all.map((tables) => ({ ...noDrop, tables }));
    const streams = plans(
      ...[undefined, { head: "Q4_0", tensors }, { both: "embedding" }] as const,
      ...[{ both: "head" }, { both: "head", tensors }] as const,
      ...[{ embedding: "Q4_0" }, { embedding: "Q4_0", tensors }, {
        embedding: "Q4_0",
        both: "head",
      }] as const,
    ).map(embeddingKey);
    const places = (all: readonly unknown[]) => all.map((own) => all.indexOf(own)).join(" ");
    assert.equal(places(streams), "0 0 0 3 3 5 6 7");
    assert.equal(streams[0], "");
    const heads = plans(
      ...[undefined, { embedding: "Q4_0", tensors }, { both: "head" }] as const,
      ...[{ both: "embedding" }, { both: "embedding", embedding: "Q4_0" }] as const,
      ...[{ head: "Q4_0" }, { head: "Q4_0", embedding: "Q8_0" }, { head: "Q4_0", tensors }] as const,
      ...[{ both: "head", embedding: "Q4_0" }, { both: "head", embedding: "Q5_0" }] as const,
    );
    const models = headsOf(model, heads);
    assert.equal(places(models), "0 0 0 3 4 5 5 7 5 9");
    assert.deepEqual([models[0], headOf(model, heads[0])], [model, model]);
    assert.notEqual(headOf(model, heads[5]), model);
  }));

Deno.test("weights under changes: a change's own tensors, those made of the model's, and all others", () =>
  withFixture("llama", async ({ model: { weights, ...model } }) => {
    const { spec } = model;
    const { source, released } = told(weights);
    const [q, o, up] = ["attention.q_proj.weight", "attention.o_proj.weight", "mlp.up_proj.weight"];
    const data = Float32Array.from({ length: 1024 }, (_, i) => i);
    const tensors = keepTensors(new Map([["o_proj.weight", float32([32, 32], data)]]));
    const columns = Float32Array.from({ length: 32 }, (_, i) => 0.01 + (i % 7) ** 3);
    const [[, [, inner]]] = matricesIn(spec.layers[0], spec.hidden, "mlp", "out");
    const importance = keepTensors(
      new Map(
        [["in", columns], ["out", new Float32Array(inner).fill(1)]].map(([group, own]) =>
          [`${group}.importance`, float32([own.length], own as Float32Array)] as const
        ),
      ),
    );
    const changes: Change[] = [
      { layer: 0, module: "attention", to: "weights", tensors },
      { layer: 0, module: "mlp", to: "types", in: "Q4_0", tensors: importance },
    ];
    const own = changedModel({ ...model, weights: source }, { ...noDrop, changes }).weights;
    const cut = { axis: 1, start: 8, end: 24 } as const;
    const lease = await own.part(0, new Map([[q, null], [o, cut], [up, null]]));
    const plain = await weights.part(0, new Map([[q, null], [up, null]]));
    const numbers = (name: string, from = lease) => [...toFloat32(from.tensors.get(name)!)];
    assert.deepEqual(numbers(q), numbers(q, plain));
    assert.deepEqual(numbers(o), [...data].filter((i) => i % 32 >= 8 && i % 32 < 24));
    assert.deepEqual(numbers(up), [...toFloat32(rounded("Q4_0", plain.tensors.get(up)!, columns))]);
    assert.deepEqual(released, [up], "what another tensor is made of is released at once");
    lease.release();
    assert.deepEqual(released, [up, q]);
    plain.release();

    const names = (await weights.layer(0)).tensors.keys().toArray().sort();
    const whole = await own.layer(0);
    assert.deepEqual(whole.tensors.keys().toArray().sort(), names);
    assert.deepEqual(numbers(o, whole), [...data]);
    const other = await own.layer(1);
    assert.deepEqual(numbers(o, other), numbers(o, await weights.layer(1)));
    const storage = [[0, q], [0, o], [0, up], [1, o], [null, "head.weight"]] as const;
    assert.deepEqual(storage.map(([l, name]) => own.storage(l, name).type), [
      ...[`0 ${q}`, undefined, undefined, `1 ${o}`, "null head.weight"],
    ]);
    assert.equal(own.storage(0, o).dtype, "f32");
    assert.equal(await own.outerBlocks!("head.weight", () => true), "head.weight");
    assert.deepEqual(numbers(o, await own.part(1, new Map([[o, null]]))), numbers(o, other));
  }));

Deno.test("plans that cannot be are refused by name, and so are tensors that are missing or of another shape", () =>
  withFixture("llama", async ({ model: { spec } }) => {
    const lacking = { ...spec, layers: spec.layers.with(1, { ...spec.layers[1], mlp: null }) };
    const nothing = { layer: 0, module: "mlp", to: "nothing" } as const;
    await refuses("Cannot ", (plan: Partial<DropPlan>) => dropPlan(lacking, plan), [
      [{ attention: [0, 0] }, "drop attention 0: it is listed twice, expected once"],
      [{ mlp: [0], changes: [nothing] }, "drop mlp 0: it is listed twice, expected once"],
      [{ changes: [scaled(0), scaled(0)] }, "change mlp 0: it is changed twice, expected once"],
      [{ mlp: [3] }, "drop mlp 3: expected a layer from 0 to 2"],
      [{ mlp: [1] }, "drop mlp 1: the checkpoint already lacks it"],
      [
        { changes: [{ ...nothing, to: undefined as never }] },
        "change mlp 0: to is missing, expected one of nothing",
      ],
      [{ changes: [{ ...scaled(0), in: "Q4_0" } as never] }, 'change mlp 0: unknown field "in"', "TypeError"],
    ]);
    const tables = { head: "Q4_0" };
    assert.deepEqual(dropPlan(spec, { mlp: [1, 0], tables }), { attention: [], mlp: [0, 1], tables });
    assert.deepEqual(dropPlan(spec, { mlp: [1] }), { attention: [], mlp: [1] });
    const linear = (own: Record<string, number[]>) => {
      const tensors = Object.entries(own).map(([name, shape]) =>
        [name, float32(shape, new Float32Array(shape.reduce((a, b) => a * b)))] as const
      );
      const change = {
        layer: 1,
        module: "attention",
        to: "linear",
        tensors: keepTensors(new Map(tensors)),
      } as const;
      return checkedTensors(spec, change, "run it");
    };
    const names = ["attention.linear.weight", "attention.linear.bias"];
    assert.deepEqual([...linear({ "linear.weight": [32, 32], "linear.bias": [32] }).keys()], names);
    await refuses("Cannot run it: tensor layers.1.attention.", linear, [
      [{ "linear.weight": [32, 32] }, "linear.bias is missing, expected [32]"],
      [{ "linear.weight": [32, 8], "linear.bias": [32] }, "linear.weight has shape [32,8], expected [32,32]"],
    ]);
  }));
