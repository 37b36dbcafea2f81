/** Tokens on which a kernel and a graph are held against the reference of smoothing; normal numbers. */
import fc from "fast-check";
import type { TokenStates } from "core/kernels/token_smoothing.ts";
import { fillNormal, streamKeys } from "core/tensor/mod.ts";

/** `n` normal numbers, the same ones for the same seed. */
export function normals(n: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  const out = new Float32Array(n);
  fillNormal(out, streamKeys(seed, 0, 0), 0, 1);
  return out.map((value) => value * scale);
}

/** Tokens with a common part, so that they are alike to a degree. */
export function random(tokens: number, width: number, common: number, seed: number): TokenStates {
  const x = normals(tokens * width, seed);
  const shared = normals(width, seed + 1, common);
  return { tokens, width, x: x.map((value, i) => value + shared[i % width]) };
}

function spiked(): TokenStates {
  const states = random(150, 90, 0.2, 30);
  states.x[7] = 1e4;
  states.x[90 * 100 + 7] = -1e4;
  states.x.fill(0, 90 * 3, 90 * 5);
  return states;
}

export const cases: Record<string, TokenStates> = {
  "one token": random(1, 5, 0, 1),
  "one channel": random(70, 1, 0, 2),
  "T below D": random(70, 130, 0.5, 3),
  "D below T": random(300, 70, 0.5, 4),
  "a whole tile": random(64, 64, 1, 5),
  "one more than a tile": random(65, 65, 0, 6),
  "several tiles either way": random(200, 260, 0.1, 7),
  "equal tokens": { tokens: 130, width: 40, x: normals(5200, 8).map((_, i, all) => all[i % 40]) },
  "nothing but zeros": { tokens: 3, width: 4, x: new Float32Array(12) },
  "spikes and zero tokens": spiked(),
};

/** Any few tokens. */
export const anyStates = fc.record({
  tokens: fc.integer({ min: 2, max: 12 }),
  width: fc.integer({ min: 1, max: 12 }),
  common: fc.double({ min: 0, max: 2, noNaN: true }),
  seed: fc.nat(1e6),
}).map(({ tokens, width, common, seed }) => random(tokens, width, common, seed));
