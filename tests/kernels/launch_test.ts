/** Launches over held tensors: what they refuse, and that they leave nothing behind. */
import assert from "node:assert/strict";
import type { Engine, Held } from "../../src/engine/mod.ts";
import { type Kernel, launch, layerGram, layerGramKernel, type Params } from "../../src/kernels/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { engine as cpu } from "../support.ts";
import { computed, onWebgpu } from "./devices.ts";

const x = [[2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)] as const;
const params = { tokens: 2, width: 3, has_attention: 0, has_mlp: 0, parallel: 0 };

onWebgpu("launches come one after another, each over what those before it gave", async (engine) => {
  const { second } = await computed(engine, { x }, async ({ x }) => {
    const gram = await layerGram(engine, { x, parallel: false });
    const second = await layerGram(engine, { x: gram, parallel: false }); // [2, 3, 5]: six rows of five
    gram.free(); // what was launched still reads it
    return { second };
  });
  assert.equal(second.length, 6 * 15);
  assert.equal(second[0], 3 * 14 ** 2); // the first row is [14, 0, 0, 14, 14]
});

onWebgpu("launches may be asked for at once", async (engine) => {
  const given = await computed(engine, { x }, async ({ x }) => {
    const grams = Array.from({ length: 4 }, () => layerGram(engine, { x, parallel: false }));
    return Object.fromEntries((await Promise.all(grams)).map((gram, i) => [i, gram]));
  });
  for (const gram of Object.values(given)) assert.deepEqual([gram[0], gram[15]], [14, 77]);
});

/** That a launch is refused, and holds nothing. */
async function refused(
  engine: Engine,
  kernel: Kernel,
  inputs: Record<string, Held>,
  params: Params,
  error: { name: string; message: string | RegExp },
): Promise<void> {
  const before = engine.live;
  await assert.rejects(launch(engine, kernel, inputs, params), error);
  assert.equal(engine.live, before);
}

onWebgpu("inputs and parameters that do not fit are refused by name", async (engine) => {
  const held = engine.upload(float32(...x));
  const ints = engine.upload({ dtype: "i32", shape: [2, 3], data: new Int32Array(6) });
  const freed = engine.upload(float32(...x));
  freed.free();
  const all = { x: held, attention: held, mlp: held };
  const refuse = (change: Record<string, unknown>, other: Params, name: string, message: string | RegExp) =>
    refused(engine, layerGramKernel, { ...all, ...change } as typeof all, { ...params, ...other }, {
      name,
      message,
    });
  await refuse({ x: ints }, {}, "TypeError", "Cannot run layer_gram: x is i32, expected a tensor of f32");
  await refuse(
    { mlp: undefined },
    {},
    "TypeError",
    "Cannot run layer_gram: mlp is missing, expected a tensor of f32",
  );
  await refuse({}, { tokens: 5 }, "RangeError", "Cannot run layer_gram: x is [2,3], expected [5,3]");
  await refuse(
    {},
    { width: -1 },
    "RangeError",
    "Cannot run layer_gram: width is -1, expected an integer in [0, 2³²)",
  );
  await refuse({ mlp: freed }, {}, "TypeError", /^Cannot run layer_gram: mlp: .* was freed$/);
  held.free();
  ints.free();
});

onWebgpu("what is too large for the device, or cannot be compiled, is refused by name", async (engine) => {
  const held = engine.upload(float32(...x));
  const all = { x: held, attention: held, mlp: held };
  const many: Kernel = {
    ...layerGramKernel,
    stages: [{ ...layerGramKernel.stages[0], grid: () => [1, 70_000, 1] }],
  };
  await refused(engine, many, all, params, {
    name: "RangeError",
    message: /^Cannot run layer_gram on WebGPU: layer_gram needs 1 × 70000 × 1 blocks, expected at most \d+/,
  });
  const other: Kernel = {
    ...layerGramKernel,
    stages: [{ ...layerGramKernel.stages[0], entry: "layer_grin" }],
  };
  await refused(engine, other, all, params, {
    name: "Error",
    message: /^Cannot run layer_gram on WebGPU: .*layer_grin/s,
  });
  held.free();
});

Deno.test("an engine without kernels refuses them", async () => {
  const held = cpu.upload(float32(...x));
  await assert.rejects(layerGram(cpu, { x: held, parallel: false }), {
    name: "TypeError",
    message: "Cannot run layer_gram: the engine cpu does not run kernels",
  });
  held.free();
});
