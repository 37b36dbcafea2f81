/** Tensors that changes bring: their names in files, their hash, and what changes make of them. */
import assert from "node:assert/strict";
import { type Change, CHANGES, type TablesChange } from "core/measure/mod.ts";
import { keepTensors, tensorsOf } from "core/run/mod.ts";
import {
  changeKind,
  changeTensors,
  isOneTable,
  isWeighed,
  matricesIn,
  normalTables,
} from "core/run/plan/changes.ts";
import { changeTensorName, isChangeTensorName } from "core/run/plan/tensors.ts";
import type { ModelSpec } from "core/models/mod.ts";
import type { LatentSpec } from "core/models/modules/latent.ts";
import { float32, type Tensor, toFloat32 } from "core/tensor/mod.ts";
import { withFixture } from "../../model.ts";
import { refuses } from "../../support.ts";

const mlp = { layer: 0, module: "mlp" } as const;
const of = (...values: number[]) => float32([values.length], Float32Array.from(values));
const held = (entries: Record<string, Tensor>) => keepTensors(new Map(Object.entries(entries)));

Deno.test("a change's tensors have names of their layer and module; only such names are theirs", () => {
  assert.equal(changeTensorName({ layer: 7, module: "attention" }, "mean"), "layers.7.attention.mean");
  assert.equal(changeTensorName({ embedding: "Q8_0" }, "importance"), "tables.importance");
  const known = ["mean", "linear.weight", "linear.bias", "o_proj.weight", "down_proj.bias", "in.importance"];
  for (const name of known) {
    assert.ok(changeTensors.has(name), name);
    assert.ok(isChangeTensorName(`layers.12.mlp.${name}`), name);
  }
  assert.ok(isChangeTensorName("tables.importance"));
  const axes = CHANGES.map((to) =>
    changeKind({ to } as Change).tensors({ ...mlp, to, tensors: "" } as Change)
  );
  assert.deepEqual(axes, [
    ...[{}, { mean: 1 }, { "linear.weight": 2, "linear.bias": 1 }],
    ...[{ "down_proj.weight": 2, "down_proj.bias": 1 }, {}, { "in.importance": 1, "out.importance": 1 }],
  ]);
  const strange = [
    ...[
      "tables.mean",
      "importance",
      "layers.1.mlp.up_proj.weight",
      "layers.x.mlp.mean",
      "layers.1.norm.mean",
    ],
    ...["a.layers.1.mlp.mean", "layers.1.mlp.mean/", "layers.1.mlp."],
  ];
  for (const name of strange) assert.ok(!isChangeTensorName(name), name);
});

Deno.test("the hash of tensors is that of names, types, shapes and elements, in whatever order they come", () => {
  const [a, b] = [of(1, 2), of(3, 4)];
  const one = held({ a, b });
  assert.equal(held({ b, a }), one);
  assert.equal(one, "790e6130c8362407ead6829b844bec57cf7f7880fb137ddcf61cd3388b56f6eb"); // plans that were kept have it
  const half = { dtype: "f16", shape: [2], data: Float16Array.of(1, 2) } as unknown as Tensor;
  const others = [
    ...[held({ a: b, b: a }), held({ a }), held({ a, c: b }), held({ a: of(1, 2.5), b })],
    ...[held({ a: float32([1, 2], Float32Array.of(1, 2)), b }), held({ a: half, b })],
  ];
  assert.equal(new Set([one, ...others]).size, others.length + 1);
  const change = { layer: 1, module: "mlp", to: "mean", tensors: one } as const;
  assert.deepEqual([...tensorsOf(change).keys()].toSorted(), ["a", "b"]);
  assert.equal(tensorsOf({ layer: 1, module: "mlp", to: "nothing" }).size, 0);
  assert.equal(tensorsOf({ layer: 1, module: "mlp", to: "types", in: "Q4_0" }).size, 0);
  assert.equal(tensorsOf({ embedding: "Q8_0" }).size, 0);
  assert.equal(tensorsOf({ embedding: "Q8_0", tensors: undefined }).size, 0);
});

Deno.test("tensors that are not finite, and those that were never read, are refused by name", () => {
  const number = (value: number) => () =>
    held({ fine: of(1), wrong: of(0, value, 2, value > 0 ? NaN : Infinity) });
  for (const value of [NaN, Infinity, -Infinity]) {
    const message = `Cannot use tensor wrong: it holds ${value}, expected finite numbers`;
    assert.throws(number(value), { name: "RangeError", message });
  }
  const tensors = "0123456789abcdef".repeat(4);
  const [change, tables] = [{ layer: 3, module: "mlp", to: "mean", tensors }, { embedding: "Q8_0", tensors }];
  for (const [own, what] of [[change, "mlp 3 as mean"], [tables, "with other tables of words"]] as const) {
    assert.throws(() => tensorsOf(own as Change), {
      name: "Error",
      message: `Cannot run ${what}: its tensors (SHA-256 0123456789abcdef…) were not read, ` +
        "expected a plan from readPlan, fit or repair",
    });
  }
});

Deno.test("a module's matrices: those that read its input, and the one that writes its update", () =>
  withFixture("llama", ({ model: { spec: { layers: [layer], hidden } } }) => {
    const names = (module: "attention" | "mlp", group: "in" | "out") =>
      matricesIn(layer, hidden, module, group).map(([name]) => name);
    assert.deepEqual(
      names("attention", "in"),
      ["q", "k", "v"].map((name) => `attention.${name}_proj.weight`),
    );
    assert.deepEqual(names("attention", "out"), ["attention.o_proj.weight"]);
    assert.deepEqual(names("mlp", "in"), ["mlp.gate_proj.weight", "mlp.up_proj.weight"]);
    assert.deepEqual(names("mlp", "out"), ["mlp.down_proj.weight"]);
    assert.deepEqual(matricesIn({ ...layer, mlp: null }, hidden, "mlp", "in"), []);
    for (const name of names("mlp", "in")) assert.ok(isWeighed(name));
    for (const part of ["q_b", "kv_b"]) assert.ok(!isWeighed(`attention.${part}_proj.weight`));
    for (const part of ["q_a", "kv_a", "o"]) assert.ok(isWeighed(`attention.${part}_proj.weight`));
    const scaled = { ...mlp, to: "scaled", along: 0.5, across: 0 } as const;
    assert.deepEqual(changeKind(scaled).spec(scaled, layer), {
      ...layer.mlp,
      updateSides: { along: 0.5, across: 0 },
    });
  }));

Deno.test("a mixture of experts has no matrices to round and no output projection; a convolution is no matrix", async () => {
  await withFixture("qwen3-next", ({ model: { spec: { layers, hidden } } }) => {
    const layer = layers.find(({ attention }) => attention && !("heads" in attention))!;
    const names = matricesIn(layer, hidden, "attention", "in").map(([name]) => name);
    assert.ok(names.length > 0 && names.every((name) => name.endsWith("_proj.weight")), names.join());
  });
  await withFixture("mixtral", ({ model: { spec } }) => {
    const [layer] = spec.layers;
    assert.deepEqual(matricesIn(layer, spec.hidden, "mlp", "in"), []);
    assert.deepEqual(matricesIn({ ...layer, attention: null }, spec.hidden, "attention", "in"), []);
    return refuses("Cannot ", (own: object) => {
      const change = { ...mlp, ...own } as Change;
      return changeKind(change).normal(change, spec, "mlp 0");
    }, [
      [{ to: "weights", tensors: "0".repeat(64) }, "change mlp 0: it has no output projection, found "],
      [{ to: "types", in: "Q4_0" }, "round mlp 0: it is "],
    ]);
  });
});

Deno.test("a type that needs importance is refused without it, and for a matrix that does not read what is weighed", () =>
  withFixture("deepseek-v3", async ({ model: { spec: small, weights } }) => {
    const { attention, ...rest } = small.layers[0];
    const { latents, ...own } = attention as LatentSpec;
    const layer = { ...rest, attention: { ...own, latents: { ...latents, query: 256, keyValue: 256 } } };
    const spec = { ...small, hidden: 256, layers: [layer], head: { ...small.head, tied: false } };
    const tensors = held({ "in.importance": of(...Array(256).fill(1)) });
    const weighed = { ...mlp, to: "types", in: "IQ2_XXS", tensors } as const;
    assert.deepEqual(changeKind(weighed).normal(weighed, spec, "mlp 0"), weighed);
    const tables = { embedding: "IQ2_XXS", head: "Q4_0", tensors };
    assert.deepEqual(normalTables(tables, spec), tables);
    const normal = (own: object) => {
      const change = { ...mlp, to: "types", in: "IQ2_XXS", ...own } as Change;
      return changeKind(change).normal(change, spec, "a module");
    };
    await refuses("Cannot round ", normal, [
      [{}, "layers.0.mlp.gate_proj.weight to IQ2_XXS"],
      [{ module: "attention", tensors }, "layers.0.attention.q_b_proj.weight to IQ2_XXS"],
    ]);
    await refuses("Cannot round ", (own: TablesChange) => normalTables(own, spec), [
      [{ embedding: "IQ2_XXS" }, "embedding.weight to IQ2_XXS"],
      [{ head: "Q9" }, "head.weight to Q9: no such type of blocks"],
    ]);
    const change: Change = { layer: 0, module: "attention", to: "types", in: "Q4_0", tensors };
    const numbers = float32([1, 64], Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * i)));
    const importance = of(...Array.from({ length: 64 }, (_, i) => i ** 4));
    const made = async (name: string, brought: Record<string, Tensor>) => {
      const kind = changeKind(change).made!(
        change,
        layer,
        `attention.${name}`,
        () => ({ type: "F32" }),
        weights,
      )!;
      return toFloat32(await kind(() => Promise.resolve(numbers), new Map(Object.entries(brought))));
    };
    const plain = await made("q_b_proj.weight", {});
    assert.deepEqual(await made("q_b_proj.weight", { "attention.in.importance": importance }), plain);
    assert.notDeepEqual(await made("q_a_proj.weight", { "attention.in.importance": importance }), plain);
  }));

Deno.test("a change of types rounds the matrices of its group, by the importance of what they read", () =>
  withFixture("llama", async ({ model: { spec: { layers: [layer], hidden }, weights } }) => {
    const tensors = held({ "in.importance": of(...Array(hidden).fill(1)) });
    const change: Change = { layer: 0, module: "mlp", to: "types", in: "Q4_0", tensors };
    const kind = changeKind(change);
    const made = (name: string, type = "F32") => kind.made!(change, layer, name, () => ({ type }), weights);
    assert.equal(made("mlp.down_proj.weight"), null, "of the other group");
    assert.equal(made("mlp.norm.weight"), null);
    assert.equal(made("mlp.up_proj.weight", "Q4_0"), null, "stored as coarsely");
    assert.notEqual(made("mlp.up_proj.weight", "Q8_0"), null);
    const numbers = float32([2, 32], Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * i)));
    const rounded = async (importance?: Tensor) => {
      const brought = new Map(importance ? [["mlp.in.importance", importance]] : []);
      return toFloat32(await made("mlp.up_proj.weight")!(() => Promise.resolve(numbers), brought));
    };
    const [plain, weighed] = [
      await rounded(),
      await rounded(of(...Array.from({ length: 32 }, (_, i) => i ** 4))),
    ];
    assert.notDeepEqual(plain, toFloat32(numbers));
    assert.notDeepEqual(plain, weighed);
    const [, columns] = kind.importance!(change, layer, hidden).map(([name, shape]) => `${name} ${shape}`);
    assert.equal(columns, `mlp.out.importance ${matricesIn(layer, hidden, "mlp", "out")[0][1][1]}`);
    const without: Change = { layer: 0, module: "mlp", to: "types", in: "Q4_0" };
    assert.deepEqual([kind.importance!(without, layer, hidden), kind.tensors(without)], [[], {}]);
    assert.deepEqual(kind.tensors(change), { "in.importance": 1, "out.importance": 1 });
  }));

Deno.test("the normal form of tables: fields in one order, for one table and for two", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const [tied, two] = [true, false].map((tied): ModelSpec => ({ ...spec, head: { ...spec.head, tied } }));
    const tensors = held({ importance: of(1) });
    const form = (own: TablesChange, spec = two) => JSON.stringify(normalTables(own, spec));
    assert.equal(
      form({ tensors, head: "Q4_0", embedding: "Q8_0" }),
      form({ embedding: "Q8_0", head: "Q4_0", tensors }),
    );
    assert.equal(form({ head: "Q4_0" }), '{"head":"Q4_0"}');
    assert.equal(form({ embedding: "Q5_0", both: "head" }), '{"both":"head","embedding":"Q5_0"}');
    assert.deepEqual(normalTables({ embedding: "Q5_0" }, tied), { embedding: "Q5_0" }, "no field undefined");
    assert.deepEqual([isOneTable(tied, {}), isOneTable(two, {}), isOneTable(two, { both: "head" })], [
      true,
      false,
      true,
    ]);
    return refuses("Cannot change the tables of words: ", ([own, spec = two]: [TablesChange, ModelSpec?]) => {
      normalTables(own, spec);
    }, [
      [[{}], "found no change, expected both, embedding or head"],
      [[{ tensors }], "found no change, expected both, embedding or head"],
      [[{ both: "head" }, tied], "the model has one already, expected a model with two"],
      [[{ both: "mlp" as never }], 'both is "mlp", expected one of embedding, head'],
      [[{ head: "Q4_0" }, tied], "head is Q4_0, and one table is both, expected embedding alone"],
      [
        [{ both: "embedding", head: "Q4_0" }],
        "head is Q4_0, and one table is both, expected embedding alone",
      ],
    ]);
  }));

Deno.test("the normal form of a change has its fields in one order, and no others; what is impossible is refused by name", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const tensors = held({ mean: of(1) });
    const form = (own: object) => {
      const change = { layer: 0, module: "attention", ...own } as Change;
      return JSON.stringify(changeKind(change).normal(change, spec, "attention 0"));
    };
    const start = '{"layer":0,"module":"attention","to":';
    const expected: [own: object, text: string][] = [
      [
        { to: "types", tensors, out: "Q5_0", in: "Q4_0" },
        `"types","in":"Q4_0","out":"Q5_0","tensors":"${tensors}"}`,
      ],
      [{ to: "types", out: "Q5_0", in: undefined, tensors: undefined }, '"types","out":"Q5_0"}'],
      [{ to: "scaled", across: 0, along: 0.5 }, '"scaled","along":0.5,"across":0}'],
      [{ to: "mean", tensors }, `"mean","tensors":"${tensors}"}`],
      [{ to: "linear", tensors }, `"linear","tensors":"${tensors}"}`],
      [{ to: "weights", tensors }, `"weights","tensors":"${tensors}"}`],
      [{ to: "nothing", tensors }, '"nothing"}'],
    ];
    for (const [own, text] of expected) assert.equal(form(own), start + text);
    return refuses("Cannot ", form, [
      [{ to: "types" }, "round attention 0: found no type, expected one of its matrices, in or out"],
      [{ to: "types", in: "Q9" }, "round layers.0.attention.q_proj.weight to Q9"],
      [{ to: "types", in: "Q4_0", out: "Q6_K" }, "round layers.0.attention.o_proj.weight to Q6_K"],
      [{ to: "types", in: "Q4_0", tensors: "abc" }, "change attention 0: tensors is abc, expected a SHA-256"],
      [
        { to: "mean", tensors: `${tensors}0` },
        `change attention 0: tensors is ${tensors}0, expected a SHA-256`,
      ],
      [
        { to: "mean", tensors: `0${tensors}` },
        `change attention 0: tensors is 0${tensors}, expected a SHA-256`,
      ],
      [{ to: "scaled", along: 1 }, "scale attention 0: across is missing, expected a finite number"],
      [
        { to: "scaled", along: Infinity, across: 1 },
        "scale attention 0: along is Infinity, expected a finite number",
      ],
    ]);
  }));
