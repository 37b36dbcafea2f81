import assert from "node:assert/strict";
import {
  copyKernel,
  type Kernel,
  layerGramCall,
  layerGramKernel,
  multiplyAddKernel,
  openCuda,
} from "../../src/kernels/mod.ts";
import { normals, onEveryDevice } from "./devices.ts";

const states = { tokens: 2, width: 3, x: Float32Array.of(1, 2, 3, 4, 5, 6) };

onEveryDevice("a device runs what was prepared, again and again, and reads the same", async (device) => {
  const { inputs, params } = layerGramCall(states);
  const prepared = await device.prepare(layerGramKernel, inputs, params);
  try {
    await prepared.launch(3);
    const { gram } = await prepared.read();
    assert.deepEqual([gram[0], gram[11]], [14, 77]);
    await prepared.launch();
    assert.deepEqual((await prepared.read()).gram, gram);
  } finally {
    prepared.release();
  }
});

onEveryDevice("a device runs two kernels at a time", async (device) => {
  const { inputs, params } = layerGramCall(states);
  const runs = await Promise.all(
    Array.from({ length: 4 }, () => device.run(layerGramKernel, inputs, params)),
  );
  for (const { gram } of runs) assert.equal(gram[0], 14);
});

onEveryDevice("a device refuses inputs and parameters that do not fit", async (device) => {
  const { inputs, params } = layerGramCall(states);
  const refused = (
    change: Record<string, unknown>,
    with_: Record<string, number>,
    error: { name: string; message: string },
  ) =>
    assert.rejects(
      device.run(layerGramKernel, { ...inputs, ...change } as typeof inputs, { ...params, ...with_ }),
      error,
    );
  await refused({ x: new Uint32Array(6) }, {}, {
    name: "TypeError",
    message: "Cannot run layer_gram: x is Uint32Array, expected f32 elements",
  });
  await refused({ x: undefined }, {}, {
    name: "TypeError",
    message: "Cannot run layer_gram: x is undefined, expected f32 elements",
  });
  await refused({ mlp: new Float32Array(2) }, {}, {
    name: "RangeError",
    message: "Cannot run layer_gram: mlp has 2 elements, expected 1",
  });
  await refused({ x: new Float32Array(0) }, { tokens: 0, width: -1 }, {
    name: "RangeError",
    message: "Cannot run layer_gram: width is -1, expected an integer in [0, 2³²)",
  });
});

onEveryDevice("a device refuses what is too large for it before it allocates", async (device) => {
  const huge: Kernel = {
    ...layerGramKernel,
    bindings: layerGramKernel.bindings.map((binding) => ({
      ...binding,
      length: (p) => binding.role === "out" ? 2 ** 48 : binding.length(p),
    })),
  };
  const { inputs, params } = layerGramCall(states);
  await assert.rejects(
    device.run(huge, inputs, params),
    /layer_gram.*gram has 1125899906842624 bytes|gram, 1125899906842624 bytes/,
  );
});

onEveryDevice("the yardsticks do the work they are measured by", async (device) => {
  const source = normals(4100, 1);
  const { copied } = await device.run(copyKernel, { source }, { count: source.length });
  assert.deepEqual(copied, source);

  // Halves are exact: after 2 steps a chain from s + c is (s + c)/4 + 3/2, their sum 2s + 7 + 12.
  const start = Float32Array.from({ length: 512 }, (_, i) => i);
  const { result } = await device.run(multiplyAddKernel, { start }, { count: 512, steps: 2, factor: 0.5 });
  assert.deepEqual(result, start.map((s) => 2 * s + 19));
});

Deno.test("CUDA is opened, or its absence explained", async () => {
  const { device, reason } = openCuda();
  if (device) {
    const { inputs, params } = layerGramCall(states);
    const { gram } = await device.run(layerGramKernel, inputs, params).finally(() => device.close());
    assert.equal(gram[0], 14);
  } else assert.match(reason, /no CUDA device|NVRTC is missing/);
});
