/** The bytes that decoding is said to hold, beside the buffers that it holds; and those that a step and a pass are said to read. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { cpuEngine, type Engine } from "core/engine/mod.ts";
import { type Model, routed } from "core/models/mod.ts";
import {
  changedModel,
  decodingBytes,
  keepTensors,
  passBytes,
  stepBytes,
  stepForm,
  workOf,
} from "core/run/mod.ts";
import { type DropPlan, noDrop } from "core/measure/mod.ts";
import { decoder } from "core/run/decode/mod.ts";
import { heldBytes } from "core/run/weights/part.ts";
import { cudaLowering, int8Lowering, webgpuLowering } from "core/onnx/mod.ts";
import { elements, float32, type Tensor } from "core/tensor/mod.ts";
import { BLOCK_KINDS, quantised } from "../../quantised.ts";
import { withBlocks } from "../study/in_blocks.ts";
import { silenced } from "./states.ts";
import { engineWith, withFixture } from "../../model.ts";
import { engine, openFolder, watchedEngine } from "../../support.ts";

/** Bytes of the constants of all programs that a decoder opens. */
async function heldBy(model: Model, on: Engine, plan: DropPlan = noDrop): Promise<number> {
  let held = 0;
  const watched = watchedEngine({ onCompile: (_, constants) => held += heldBytes(constants) }, on);
  await (await decoder({ model, engine: watched, plan, budget: on.has.memoryBytes })).release();
  assert.equal(on.live, 0);
  return held;
}

async function expectHeld(model: Model, on: Engine, plan: DropPlan = noDrop): Promise<number> {
  const found = decodingBytes(changedModel(model, plan), on.has);
  assert.equal(found, await heldBy(model, on, plan));
  return found;
}

const int8 = cpuEngine({ precision: "int8" });
/** The CPU's engine as a device: its weights are fed, bfloat16 as it is stored or widened, blocks of 8 bits as they are. */
const fed = (memoryBytes: number, bfloat16: "native" | "widened" = "native") =>
  engineWith({ constants: "fed", memoryBytes, bfloat16, blocks: cudaLowering("f32").blocks });

const mixes = {
  "Q4_1": () => "Q4_1",
  "Q8_0": () => "Q8_0",
  "Q4_K": () => "Q4_K",
  "Q6_K": () => "Q6_K",
  "Q4_K with values, and a head, in Q6_K": (name: string) => /attn_v|^output/.test(name) ? "Q6_K" : "Q4_K",
  "layers of which one is in Q8_0": (name: string) => name.startsWith("blk.1.") ? "Q8_0" : "Q4_1",
};
for (const [label, typeOf] of Object.entries(mixes)) {
  Deno.test(`${label}: bytes are those that decoding holds, in all lowerings`, () =>
    withBlocks(async ({ model }) => {
      const plans = [noDrop, { attention: [1], mlp: [0, 2] }];
      const changes = [await silenced(model, 1, [0, 2])];
      for (const plan of [...plans, { ...noDrop, changes }]) {
        for (const on of [engine, int8, fed(2 ** 30)]) await expectHeld(model, on, plan);
      }
      // All bytes of a step are read: those held, each once.
      const works = workOf(model.spec, noDrop, stepBytes(model, engine.has))({
        texts: 3,
        tokens: 1,
        past: 5,
      });
      const read = works.reduce((sum, { count, products }) => sum + count * products.bytes, 0);
      const norm = 4 * model.spec.hidden; // the final one, which is no module
      assert.equal(read + norm, decodingBytes(model, engine.has));
    }, { hidden: 256, typeOf }));
}

/** Of Q4_1 with zeros, which are 0, and offsets. */
const perNumber = { Q4_1: 4 / 8 + 4 / 32 + 4 / 32 + 0.5 / 32, Q8_0: 1 + 4 / 32, Q6_K: 1 + 4 / 16 };
for (const [type, bytes] of Object.entries(perNumber)) {
  Deno.test(`bytes of a number of ${type}, by hand`, () =>
    withBlocks(({ model }) => {
      for (const on of [engine, int8]) {
        const found = stepBytes(model, on.has).weight(0, "attention.q_proj.weight", [256, 256]);
        assert.equal(found / 256 ** 2, bytes);
      }
    }, { hidden: 256, typeOf: () => type }));
}

Deno.test("tensors that a plan brings are float32, and its other matrices as they are stored", () =>
  withBlocks(async ({ model }) => {
    const zeros = (...shape: number[]) => float32(shape, new Float32Array(elements(shape)));
    const kept = (tensors: Record<string, Tensor>) => keepTensors(new Map(Object.entries(tensors)));
    const map = { "linear.weight": zeros(256, 256), "linear.bias": zeros(256) };
    const changes = [
      { layer: 0, module: "mlp", to: "mean", tensors: kept({ mean: zeros(256) }) },
      { layer: 1, module: "attention", to: "linear", tensors: kept(map) },
      { layer: 2, module: "mlp", to: "weights", tensors: kept({ "down_proj.weight": zeros(256, 512) }) },
    ] as const;
    const plan = { ...noDrop, changes };
    const held = await expectHeld(model, engine, plan);
    const { weight } = stepBytes(changedModel(model, plan), engine.has);
    assert.equal(weight(1, "attention.linear.weight", [256, 256]), 4 * 256 * 256);
    assert.equal(weight(2, "mlp.down_proj.weight", [256, 512]), 4 * 256 * 512);
    assert.ok(weight(2, "mlp.up_proj.weight", [512, 256]) < 256 * 512);
    assert.ok(held > 0);
    const all = model.spec.layers.map((_, l) => l);
    const none = await expectHeld(model, engine, { attention: all, mlp: all });
    assert.equal(none, 4 * 256 + weight(null, "head.weight", [model.spec.vocabulary, 256]));
  }, { hidden: 256, typeOf: () => "Q4_1" }));

for (const [name, stored] of [["llama", 4], ["qwen3", 2], ["llama-bias", 2]] as const) {
  Deno.test(`${name}: numbers take 4 bytes on the CPU and where they fit, else as many as they are stored with`, () =>
    withFixture(name, async ({ model }) => {
      const wide = await expectHeld(model, engine);
      assert.equal(await expectHeld(model, fed(wide)), wide);
      const has = { ...fed(wide - 1).has };
      assert.equal(decodingBytes(model, has), wide * stored / 4);
      const widened = decodingBytes(model, { ...has, ...webgpuLowering, memoryBytes: wide - 1 });
      assert.equal(widened, name === "qwen3" ? wide : wide * stored / 4);
      assert.deepEqual(stepForm(model, engine.has), "f32");
    }));
}

Deno.test("qwen3: a device with room for 16 bits alone holds what is said", () =>
  withFixture("qwen3", async ({ model }) => {
    const wide = decodingBytes(model, engine.has);
    await expectHeld(model, fed(wide * 3 / 4));
  }));

for (const folder of ["gptq-4", "gptq-8", "awq-32", "int8", "nf4"]) {
  Deno.test(`${folder}: bytes are those that decoding holds`, async () => {
    using model = await openFolder(
      fileURLToPath(new URL(`../../fixtures/quantised/${folder}`, import.meta.url)),
    );
    for (const on of [engine, int8]) {
      if (on === engine || model.weights.isInBlocks) await expectHeld(model, on);
    }
  });
}

Deno.test("experts are float32 where they are not in blocks, whatever the memory", () =>
  withFixture("qwen3-moe", ({ model }) => {
    const { has } = fed(0);
    const l = model.spec.layers.findIndex(({ mlp }) => routed(mlp));
    const each = (of: Model, name: string) => stepBytes(of, has).weight(l, name, [16, 16]) / 256;
    assert.equal(model.weights.storage(l, "attention.q_proj.weight").dtype, "bf16");
    assert.equal(each(model, "attention.q_proj.weight"), 2);
    assert.equal(each(model, "mlp.experts.0.up_proj.weight"), 4);
    const inBlocks = quantised(model, BLOCK_KINDS["8 bits in blocks of 16"]);
    assert.equal(each(inBlocks, "mlp.experts.0.up_proj.weight"), 1 + 4 / 16 + 1 / 16);
  }));

Deno.test("passes hold two layers: in float32 where blocks are widened, and with copies in programs where they are not", () =>
  withBlocks(({ model }) => {
    const layer = model.spec.layers[0];
    assert.ok(layer.attention && layer.mlp);
    const numbers = 4 * 256 * 256 + 3 * 256 * 512, norms = 2 * 256;
    assert.equal(passBytes(model), 2 * 4 * (numbers + norms));
    assert.equal(passBytes({ spec: model.spec }), 2 * 4 * (numbers + norms));
    assert.equal(passBytes(model, int8Lowering), 4 * numbers * (1 + 4 / 32) + 2 * 4 * norms);
  }, { hidden: 256, typeOf: () => "Q8_0" }));
