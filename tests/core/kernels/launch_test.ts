/** Launches over held tensors: what they refuse, and that they leave nothing behind. */
import assert from "node:assert/strict";
import type { Engine, Held } from "core/engine/mod.ts";
import { launch } from "core/kernels/launch.ts";
import { type Kernel, layerGram, layerGramKernel, type Params } from "core/kernels/mod.ts";
import { float32 } from "core/tensor/mod.ts";
import { engine as cpu, type Refusal, refuses } from "../../support.ts";
import { computed, onWebgpu } from "./devices.ts";

const X = [[2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)] as const;
const params = { tokens: 2, width: 3, has_attention: 0, has_mlp: 0, parallel: 0 };

onWebgpu("launches come one after another, each over what those before it gave", async (engine) => {
  const { second } = await computed(engine, { x: X }, async ({ x }) => {
    const gram = await layerGram(engine, { x, parallel: false });
    const second = await layerGram(engine, { x: gram, parallel: false }); // [2, 3, 5]: six rows of five
    gram.free(); // what was launched still reads it
    return { second };
  });
  assert.equal(second.length, 6 * 15);
  assert.equal(second[0], 3 * 14 ** 2); // the first row is [14, 0, 0, 14, 14]
});

onWebgpu("launches may be asked for at once", async (engine) => {
  const given = await computed(engine, { x: X }, async ({ x }) => {
    const grams = Array.from({ length: 4 }, () => layerGram(engine, { x, parallel: false }));
    return Object.fromEntries((await Promise.all(grams)).map((gram, i) => [i, gram]));
  });
  for (const gram of Object.values(given)) assert.deepEqual([gram[0], gram[15]], [14, 77]);
});

type Launch = readonly [inputs: Record<string, Held | undefined>, params: Params, kernel?: Kernel];

/** That launches are refused, and hold nothing. */
async function refused(engine: Engine, launches: readonly Refusal<Launch>[]): Promise<void> {
  const x = engine.upload(float32(...X));
  const before = engine.live;
  const call = ([inputs, other, kernel = layerGramKernel]: Launch) =>
    launch(engine, kernel, { x, attention: x, mlp: x, ...inputs } as Record<string, Held>, {
      ...params,
      ...other,
    });
  await refuses("Cannot run layer_gram", call, launches);
  assert.equal(engine.live, before);
  x.free();
}

onWebgpu("inputs and parameters that do not fit are refused by name", async (engine) => {
  const ints = engine.upload({ dtype: "i32", shape: [2, 3], data: new Int32Array(6) });
  const freed = engine.upload(float32(...X));
  freed.free();
  await refused(engine, [
    [[{ x: ints }, {}], ": x is i32, expected a tensor of f32", "TypeError"],
    [[{ mlp: undefined }, {}], ": mlp is missing, expected a tensor of f32", "TypeError"],
    [[{}, { tokens: 5 }], ": x is [2,3], expected [5,3]"],
    [[{}, { width: -1 }], ": width is -1, expected an integer in [0, 2³²)"],
    [[{ mlp: freed }, {}], /: mlp: .* was freed$/, "TypeError"],
  ]);
  ints.free();
});

onWebgpu("what is too large for the device, or cannot be compiled, is refused by name", async (engine) => {
  const [stage] = layerGramKernel.stages;
  const many: Kernel = { ...layerGramKernel, stages: [{ ...stage, grid: () => [1, 70_000, 1] }] };
  const other: Kernel = { ...layerGramKernel, stages: [{ ...stage, entry: "layer_grin" }] };
  await refused(engine, [
    [[{}, {}, many], " on WebGPU: layer_gram needs 1 × 70000 × 1 blocks, expected at most "],
    [[{}, {}, other], /on WebGPU: .*layer_grin/s, "Error"],
  ]);
});

Deno.test("an engine without kernels refuses them", async () => {
  const x = cpu.upload(float32(...X));
  const error = /^TypeError: Cannot run layer_gram: the engine cpu does not run kernels$/;
  await assert.rejects(layerGram(cpu, { x, parallel: false }), error);
  x.free();
});
