import assert from "node:assert/strict";
import { gramProducts, layerGram, layerGramReference, type LayerStates } from "../../src/kernels/mod.ts";
import { assertWithin, normals, onEveryDevice, u } from "./devices.ts";

function states(tokens: number, width: number, update: number, seed: number): LayerStates {
  const n = tokens * width;
  return {
    tokens,
    width,
    x: normals(n, seed),
    attention: normals(n, seed + 1, update),
    mlp: normals(n, seed + 2, update),
  };
}

/** A channel of 1e4 in two tokens, an update 1e-4 of the stream, one token that is zero, one that is erased. */
function spiked(): LayerStates {
  const s = states(9, 100, 0.1, 5);
  s.x[3] = 1e4;
  s.x[207] = -1e4;
  s.x.fill(0, 400, 500);
  for (let d = 0; d < 100; d++) s.attention![500 + d] = -s.x[500 + d];
  return s;
}

const cases: Record<string, LayerStates> = {
  "one number": states(1, 1, 1, 1),
  "a whole block": states(4, 64, 0.5, 2),
  "T and D off the block": states(13, 77, 0.5, 3),
  "a wide token": states(3, 4096, 0.01, 4),
  "spikes": spiked(),
  "no attention": { ...states(5, 40, 1, 6), attention: undefined },
  "no MLP": { ...states(5, 40, 1, 7), mlp: undefined },
  "no update": { ...states(5, 40, 1, 8), attention: undefined, mlp: undefined },
};

/**
 * Worst case of float32: a lane adds ⌈D/32⌉ products, five levels of a tree follow, a product rounds once, and h and y come
 * rounded once and twice; all relative to the sum of the products' magnitudes.
 */
function tolerance({ tokens, width, x, attention, mlp }: LayerStates): Float64Array {
  const magnitude = (values?: Float32Array<ArrayBuffer>) => values?.map(Math.abs);
  const bounds = layerGramReference({
    tokens,
    width,
    x: magnitude(x)!,
    attention: magnitude(attention),
    mlp: magnitude(mlp),
  });
  return bounds.map((bound) => (Math.ceil(width / 32) + 5 + 1 + 4) * u * bound);
}

for (const [name, input] of Object.entries(cases)) {
  onEveryDevice(`layer_gram equals its reference: ${name}`, async (device) => {
    const bounds = tolerance(input);
    assertWithin(name, await layerGram(device, input), layerGramReference(input), (i) => bounds[i]);
  });
}

Deno.test("layer_gram: the reference gives the products it names", () => {
  const input = {
    tokens: 1,
    width: 1,
    x: Float32Array.of(2),
    attention: Float32Array.of(3),
    mlp: Float32Array.of(-4),
  };
  const values = { x: 2, a: 3, m: -4, h: 5, y: 1 } as Record<string, number>;
  assert.deepEqual(
    [...layerGramReference(input)],
    gramProducts.map((name) => values[name[0]] * values[name[1]]),
  );
});

onEveryDevice("layer_gram refuses states of another size", async (device) => {
  const input = { ...states(4, 8, 1, 9), tokens: 5 };
  await assert.rejects(layerGram(device, input), {
    name: "RangeError",
    message: "Cannot run layer_gram: x has 32 elements, expected 40",
  });
});
