/** How tensors are stored, as sources say it before anything is read, beside the leases that have them; they are fed so and widened in the graph, and not a bit of a sum changes. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { blockTensors, layerTensors, type Model, outerTensors, storedBlocks } from "core/models/mod.ts";
import { planOf } from "core/measure/mod.ts";
import { changedModel } from "core/run/mod.ts";
import { silenced } from "./states.ts";
import { formatOf } from "core/tensor/mod.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { BLOCK_KINDS, quantised, quantisedNames } from "../../quantised.ts";
import { withBlocks } from "../study/in_blocks.ts";
import { gramSums, withFixture } from "../../model.ts";
import { isThorough, openFolder, widened } from "../../support.ts";

/** Holds every tensor of a model against what its source says of it. */
async function checkStorage({ spec, weights }: Model): Promise<void> {
  for (const l of spec.layers.keys()) {
    const { tensors, blocks, release } = await weights.layer(l, () => true);
    for (const [name] of layerTensors(spec.layers[l], spec.hidden)) {
      const matrix = blocks?.get(name);
      const storage = weights.storage(l, name);
      assert.deepEqual(storage.blocks, matrix && formatOf(matrix), name);
      if (!matrix) assert.equal(storage.dtype, tensors.get(name)!.dtype, name);
    }
    release();
  }
  for (const [name] of outerTensors({ ...spec, head: { ...spec.head, tied: false } })) {
    const matrix = await weights.outerBlocks?.(name, () => true) ?? undefined;
    const storage = weights.storage(null, name);
    assert.deepEqual(storage.blocks, matrix && formatOf(matrix), name);
    assert.equal(storage.dtype, (await weights.outer(name)).dtype, name);
  }
}

const some = ["llama", "gpt2", "gemma2", "neox-parallel", "qwen3-5-moe", "gpt-oss", "phi3"];
for (const name of fixtureNames.filter((name) => isThorough || some.includes(name))) {
  Deno.test(`${name}: a source says the type of each tensor`, () =>
    withFixture(name, ({ model }) => checkStorage(model)));
}

Deno.test("a source says the blocks of each matrix, as a lease has them", async () => {
  await withBlocks(({ model }) => checkStorage(model));
  for (const name of quantisedNames.filter((name) => isThorough || name === "llama")) {
    for (const kind of Object.values(BLOCK_KINDS)) {
      await withFixture(name, ({ model }) => checkStorage(quantised(model, kind)));
    }
  }
});

for (const folder of ["gptq-4", "gptq-8", "gptq-order", "awq-32", "int8", "nf4", "fp8"]) {
  Deno.test(`${folder}: a packed folder says the same`, async () => {
    using model = await openFolder(
      fileURLToPath(new URL(`../../fixtures/quantised/${folder}`, import.meta.url)),
    );
    await checkStorage(model);
  });
}

Deno.test("what a change brings is dense, and the rest as stored", () =>
  withBlocks(async ({ model }) => {
    const scaled = { layer: 2, module: "attention", to: "scaled", along: 0.5, across: 1 } as const;
    const plan = planOf([await silenced(model, 1, [0]), scaled]);
    const changed = changedModel(model, plan);
    await checkStorage(changed);
    assert.equal(changed.weights.storage(1, "attention.o_proj.weight").blocks, undefined);
    assert.ok(changed.weights.storage(2, "attention.o_proj.weight").blocks);
  }));

Deno.test("what is fed for a matrix is what its format says", () =>
  withFixture("llama", async ({ model: dense }) => {
    for (const kind of Object.values(BLOCK_KINDS)) {
      const { blocks } = await quantised(dense, kind).weights.layer(0, () => true);
      for (const matrix of blocks!.values()) {
        const fed = blockTensors("w", matrix).map(([name, { dtype, shape }]) => [name, { dtype, shape }]);
        const stored = storedBlocks(matrix.shape, formatOf(matrix));
        assert.deepEqual(fed, stored.map(([part, one]) => [`w.${part}`, one]));
      }
    }
  }));

for (const [name, dtype] of [["qwen3", "bf16"], ["llama-bias", "f16"], ["llama", "f32"]]) {
  Deno.test(`${name}: a pass with ${dtype} weights has no error against float32`, () =>
    withFixture(name, async ({ model, blocks }) => {
      const { tensors, release } = await model.weights.layer(0);
      assert.ok([...tensors.values()].every((tensor) => tensor.dtype === dtype), "the fixture's type");
      release();
      assert.deepEqual(await gramSums(model, blocks), await gramSums(widened(model), blocks));
    }));
}
