/** Types of blocks in a GGUF file: which of its tensors a plan puts in which type, and their rows, however they are read. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Job } from "core/formats/job.ts";
import { retypedTensors } from "core/formats/gguf/types.ts";
import type { Change, DropPlan, TablesChange } from "core/measure/mod.ts";
import { ggufNames, type LayerSpec, layerTensors, type ModelSpec, storedTensor } from "core/models/mod.ts";
import type { LatentSpec } from "core/models/modules/latent.ts";
import { keepTensors, noDrop } from "core/run/mod.ts";
import { float32 } from "core/tensor/mod.ts";
import { contentOf, encoded, encodedBytes, type OutTensor } from "core/weights/mod.ts";
import { withFixture } from "../../model.ts";

type Weights = Float32Array<ArrayBuffer>;
const weigh = (columns: number, by: number): Weights =>
  Float32Array.from({ length: columns }, (_, i) => 0.01 + (i * by % 7) ** 3);
const tensorsOf = (own: Record<string, Weights>) =>
  keepTensors(new Map(Object.entries(own).map(([name, data]) => [name, float32([data.length], data)])));

/** Numbers of a tensor of a file, and their bytes in parts that end within a row. */
function tensor(name: string, shape: readonly number[]): OutTensor & { readonly numbers: Weights } {
  const numbers = Float32Array.from(
    { length: shape.reduce((a, b) => a * b) },
    (_, i) => Math.sin(i * i + name.length),
  );
  const all = new Uint8Array(numbers.buffer);
  const cut = 4 * Math.floor(numbers.length / 3) + 3;
  const parts = async function* () {
    for (const [from, to] of [[0, cut], [cut, cut + 5], [cut + 5, all.length]]) yield all.slice(from, to);
  };
  return { name, shape, type: "F32", bytes: all.length, parts, numbers };
}

interface Options {
  /** The stored type of a matrix, by canonical name; none where no tensor of the file is that matrix. */
  readonly typeOf?: (canonical: string) => string | undefined;
  /** How a matrix is stored in a file of another layout. */
  readonly ref?: object;
}

/** Two layers and the tables of a model in a file, in the types of a plan: those that change, by name. */
async function changed(spec: ModelSpec, arch: string, plan: Partial<DropPlan>, options: Options = {}) {
  const { typeOf = () => "F32", ref = {} } = options;
  const names = ggufNames(arch, spec);
  const canonicals = [0, 1].flatMap((layer) =>
    layerTensors(spec.layers[layer], spec.hidden).filter(([name]) => name.endsWith("_proj.weight"))
      .map(([name, shape]) => ({ name, shape, layer }))
  );
  const tables = spec.head.tied ? ["embedding.weight"] : ["embedding.weight", "head.weight"];
  const all = [
    ...canonicals.map(({ name, shape, layer }) => tensor(storedTensor(names, name, layer).name, shape)),
    ...tables.map((name) => tensor(storedTensor(names, name).name, [64, spec.hidden])),
    tensor("output_norm.weight", [spec.hidden]),
  ];
  const stored = canonicals.flatMap(({ name, layer }) => {
    const type = typeOf(name);
    return type ? [[`${name} ${layer}`, { type }] as const] : [];
  });
  const job = {
    ...{ drop: { ...noDrop, ...plan }, full: spec },
    model: { stored: (name: string, layer: number) => ({ name: `${name} ${layer}`, ...ref }) },
    stored: { file: { tensors: new Map(stored) } },
  } as unknown as Job;
  const numbers = new Map(all.map((own) => [own.name, own.numbers]));
  const out = retypedTensors(job, arch, all);
  const others = out.filter((own) => !all.includes(own as never));
  const bytesOf = async (own: OutTensor) => {
    const parts = await Array.fromAsync(own.parts());
    const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
    assert.equal(bytes.length, own.bytes, own.name);
    return bytes;
  };
  const entries = others.map(async (own) => [own.name, { ...own, own: await bytesOf(own) }] as const);
  return { names: out.map(({ name }) => name), found: new Map(await Promise.all(entries)), numbers };
}

/** What a tensor is expected to be: a type, the importance of its columns, and the tensor whose numbers it has. */
type Expected = readonly [type: string, importance?: Weights | undefined, of?: string];

function expectTypes(
  { found, numbers }: Awaited<ReturnType<typeof changed>>,
  expected: Readonly<Record<string, Expected>>,
): void {
  assert.deepEqual([...found.keys()].sort(), Object.keys(expected).sort());
  for (const [name, [type, importance, of = name]] of Object.entries(expected)) {
    const { shape, own, type: typed } = found.get(name)!;
    const bytes = type === "F32"
      ? new Uint8Array(numbers.get(of)!.buffer)
      : encoded(type, float32(shape, numbers.get(of)!), importance);
    assert.deepEqual([typed, own], [type, bytes], name);
  }
}

Deno.test("matrices of a change have its types, by the importance of their group; all others are as they were", () =>
  withFixture("llama", async ({ model: { spec } }) => {
    const [own, out] = [weigh(spec.hidden, 1), weigh(spec.hidden, 3)];
    const tensors = tensorsOf({ "in.importance": own, "out.importance": out });
    const changes: Change[] = [
      { layer: 0, module: "mlp", to: "nothing" },
      { layer: 0, module: "attention", to: "types", in: "Q4_0", out: "Q5_0", tensors },
      { layer: 1, module: "attention", to: "types", out: "Q8_0" },
      { layer: 1, module: "mlp", to: "types", in: "Q5_1" },
    ];
    const names = { q: "Q4_0", k: "Q4_0", v: "Q4_0" };
    const both = Object.entries(names).map(([name, type]) => [`blk.0.attn_${name}.weight`, [type, own]]);
    const expected = {
      ...Object.fromEntries(both),
      "blk.0.attn_output.weight": ["Q5_0", out],
      "blk.1.attn_output.weight": ["Q8_0"],
      "blk.1.ffn_gate.weight": ["Q5_1"],
      "blk.1.ffn_up.weight": ["Q5_1"],
    } as const;
    expectTypes(await changed(spec, "llama", { changes }), expected);
    // A matrix that has no more bits, or that no tensor of the file is, keeps its type.
    const { "blk.1.attn_output.weight": _, "blk.1.ffn_gate.weight": __, ...left } = expected;
    const typeOf = (name: string) =>
      name.endsWith("o_proj.weight") ? "Q6_K" : name.endsWith("gate_proj.weight") ? undefined : "F32";
    expectTypes(await changed(spec, "llama", { changes }, { typeOf }), left);
    for (const ref of [{ at: 0 }, { transform: "t" }]) {
      await assert.rejects(
        changed(spec, "llama", { changes }, { ref }),
        /^Error: blk\.0\.attn_q\.weight is stored in parts or turned, and cannot be rounded$/,
      );
    }
  }));

Deno.test("matrices that do not read their group's input are rounded without its importance", () =>
  withFixture("deepseek-v3", async ({ model }) => {
    const wide = ({ attention, ...layer }: LayerSpec) => {
      const { latents, ...own } = attention as LatentSpec;
      return { ...layer, attention: { ...own, latents: { ...latents, query: 32, keyValue: 64 } } };
    };
    const spec = { ...model.spec, layers: model.spec.layers.map(wide) };
    const own = weigh(spec.hidden, 1);
    const tensors = tensorsOf({ "in.importance": own });
    const changes: Change[] = [{ layer: 0, module: "attention", to: "types", in: "Q4_0", tensors }];
    expectTypes(await changed(spec, "deepseek2", { changes }), {
      "blk.0.attn_q_a.weight": ["Q4_0", own],
      "blk.0.attn_q_b.weight": ["Q4_0"],
      "blk.0.attn_kv_a_mqa.weight": ["Q4_0", own],
      "blk.0.attn_kv_b.weight": ["Q4_0"],
    });
  }));

Deno.test("tables of words: each in its type, or one that is both; an embedding of its own is not weighed", () =>
  withFixture("llama", async ({ model: { spec: two } }) => {
    const one: ModelSpec = { ...two, head: { ...two.head, tied: true } };
    const own = weigh(two.hidden, 1);
    const tensors = tensorsOf({ importance: own });
    const [embedding, head] = ["token_embd.weight", "output.weight"];
    const both = [embedding, "output_norm.weight"], all = [embedding, head, "output_norm.weight"];
    const rows: [
      tables: TablesChange,
      spec: ModelSpec,
      names: string[],
      expected: Record<string, Expected>,
    ][] = [
      [{ embedding: "Q4_0", tensors }, one, both, { [embedding]: ["Q4_0", own] }],
      [{ embedding: "Q4_0", tensors }, two, all, { [embedding]: ["Q4_0"] }],
      [{ head: "Q4_0", tensors }, two, all, { [head]: ["Q4_0", own] }],
      [{ embedding: "Q8_0", head: "Q5_0" }, two, all, { [embedding]: ["Q8_0"], [head]: ["Q5_0"] }],
      [{ both: "embedding" }, two, both, { [embedding]: ["F32"] }],
      [{ both: "head" }, two, both, { [embedding]: ["F32", undefined, head] }],
      [{ both: "embedding", embedding: "Q4_0", tensors }, two, both, { [embedding]: ["Q4_0", own] }],
      [{ both: "head", embedding: "Q4_0", tensors }, two, both, { [embedding]: ["Q4_0", own, head] }],
    ];
    for (const [tables, spec, names, expected] of rows) {
      const made = await changed(spec, "llama", { tables });
      assert.deepEqual(made.names.filter((name) => !name.startsWith("blk.")), names, JSON.stringify(tables));
      expectTypes(made, expected);
    }
  }));

Deno.test("rows are rounded 16 MiB of numbers at a time, whatever the parts in which they come", () =>
  withFixture("llama", async ({ model: { spec } }) => {
    const columns = 1_900_544, name = "token_embd.weight";
    const numbers = Float32Array.from({ length: 4 * columns }, (_, i) => i % 251 - 125);
    const own = { name, type: "F32", shape: [4, columns], ...contentOf(new Uint8Array(numbers.buffer)) };
    const job = {
      ...{ drop: { ...noDrop, tables: { embedding: "Q8_0" } }, full: spec },
      ...{ model: { stored: () => ({ name }) }, stored: { file: { tensors: new Map() } } },
    } as unknown as Job;
    const [{ parts }] = retypedTensors(job, "llama", [own]);
    const found = await Array.fromAsync(parts());
    const half = encodedBytes("Q8_0", [2, columns]);
    assert.deepEqual(found.map(({ length }) => length), [half, half]);
    const expected = encoded("Q8_0", float32([4, columns], numbers));
    for (const [i, part] of found.entries()) {
      assert.equal(Buffer.compare(part, expected.subarray(i * half, (i + 1) * half)), 0);
    }
  }));
