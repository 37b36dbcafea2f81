import { KINDS } from "core/measure/mod.ts";
import assert from "node:assert/strict";
import { gramProducts, layerGram, layerGramReference, type LayerStates } from "core/kernels/mod.ts";
import { assertWithin, computed, onWebgpu, u } from "./devices.ts";
import { normals } from "./token_states.ts";

type States = LayerStates<Float32Array<ArrayBuffer>> & { readonly width: number };

function states(tokens: number, width: number, update: number, seed: number, parallel = false): States {
  const n = tokens * width;
  const [attention, mlp] = [1, 2].map((i) => normals(n, seed + i, update));
  return { width, x: normals(n, seed), attention, mlp, parallel };
}

/** A channel of 1e4 in two tokens, one token that is zero, one that is erased. */
function spiked(parallel: boolean): States {
  const s = states(9, 100, 0.1, 5, parallel);
  s.x[3] = 1e4;
  s.x[207] = -1e4;
  s.x.fill(0, 400, 500);
  for (let d = 0; d < 100; d++) s.attention![500 + d] = -s.x[500 + d];
  return s;
}

const cases: Record<string, States> = {
  "one number": states(1, 1, 1, 1),
  "a whole block": states(4, 64, 0.5, 2),
  "T and D off the block": states(13, 77, 0.5, 3),
  "a wide token": states(3, 4096, 0.01, 4),
  "spikes": spiked(false),
  "spikes in a parallel layer": spiked(true),
  "a parallel layer": states(6, 50, 0.5, 10, true),
  "no attention": { ...states(5, 40, 1, 6), attention: undefined },
  "no MLP": { ...states(5, 40, 1, 7), mlp: undefined },
  "no update": { ...states(5, 40, 1, 8), attention: undefined, mlp: undefined },
};

/**
 * Worst case of float32: a lane adds ⌈D/32⌉ products, five levels of a tree follow, a product rounds once, and its factors come
 * rounded at most twice each; all relative to the sum of the products' magnitudes.
 */
function tolerance({ width, x, attention, mlp, parallel }: States): Float64Array {
  const [magnitude, a, m] = [x, attention, mlp].map((values) => values?.map(Math.abs));
  const bounds = layerGramReference({ x: magnitude!, attention: a, mlp: m, parallel }, width);
  return bounds.map((bound) => (Math.ceil(width / 32) + 5 + 1 + 4) * u * bound);
}

for (const [name, input] of Object.entries(cases)) {
  onWebgpu(`layer_gram equals its reference: ${name}`, async (engine) => {
    const { width, x, attention, mlp, parallel } = input;
    const held = (values?: Float32Array) => values && [[x.length / width, width], values] as const;
    const { gram } = await computed(
      engine,
      { x: held(x), attention: held(attention), mlp: held(mlp) },
      async ({ x, attention, mlp }) => ({ gram: await layerGram(engine, { x, attention, mlp, parallel }) }),
    );
    const bounds = tolerance(input);
    assertWithin(name, gram, layerGramReference(input, width), (i) => bounds[i]);
  });
}

Deno.test("layer_gram: the reference gives the products it names", () => {
  const [x, a, m] = [2, 3, -4];
  const input = { x: Float32Array.of(x), attention: Float32Array.of(a), mlp: Float32Array.of(m) };
  const expected = (mlpReads: number) => {
    const by = { attention: [x, a], mlp: [mlpReads, m], block: [x, a + m] };
    return KINDS.flatMap((module) => {
      const [x, u] = by[module];
      const values = { x, u, y: x + u } as Record<string, number>;
      return gramProducts.map((name) => values[name[0]] * values[name[1]]);
    });
  };
  assert.deepEqual([...layerGramReference({ ...input, parallel: false }, 1)], expected(5));
  assert.deepEqual([...layerGramReference({ ...input, parallel: true }, 1)], expected(2));
});
