/**
 * Normal numbers per second on one core, beside a plain copy of the same memory.
 *
 *     deno run tests/bench/random_bench.ts
 */

import { fillNormal, streamKeys } from "core/tensor/mod.ts";

const COUNT = 1 << 22; // 16 MB: past the caches, as a layer's slice is
const ROUNDS = 12;

function best(work: (round: number) => void): number {
  let seconds = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    work(round);
    seconds = Math.min(seconds, (performance.now() - begin) / 1000);
  }
  return COUNT / seconds / 1e9;
}

const out = new Float32Array(COUNT);
const copy = new Float32Array(COUNT);
const keys = streamKeys(1, 0, 0);
const rate = best((round) => fillNormal(out, keys, round * COUNT, 0.02));
const copied = best(() => copy.set(out));
console.log(`fillNormal  ${rate.toFixed(2)} G numbers/s (best of ${ROUNDS} × ${COUNT})`);
console.log(`plain copy  ${copied.toFixed(2)} G numbers/s`);
