/**
 * Blocks of each type on one core: quants written by the repacking, and float32 numbers by the decoder and out of the repacked blocks,
 * in GB/s of what is written, and how many numbers that is.
 *
 *     deno run tests/bench/repack_bench.ts
 */
import { emptyMatrix, widened } from "core/tensor/mod.ts";
import { blockTypes } from "core/weights/blocks/types.ts";

const COLUMNS = 2048, ROWS = 4096; // 32 MB of floats: past the caches, as a layer's matrix is
const COUNT = ROWS * COLUMNS;
const ROUNDS = 8;

function best(work: () => void): number {
  let seconds = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    work();
    seconds = Math.min(seconds, (performance.now() - begin) / 1000);
  }
  return seconds;
}

function rate(seconds: number, bytes: number): string {
  return `${(bytes / seconds / 1e9).toFixed(2)} (${(COUNT / seconds / 1e9).toFixed(2)})`.padStart(14);
}

console.log(`GB/s (G numbers/s), best of ${ROUNDS} × ${COUNT} numbers`);
console.log("type    repack         decode         widened");
const out = new Float32Array(COUNT);
for (const [type, { blockElements, blockBytes, format, decode, repack }] of Object.entries(blockTypes)) {
  const { bits } = format;
  const source = Uint8Array.from(
    { length: COUNT / blockElements * blockBytes },
    (_, i) => i * 167 + (i >> 8),
  );
  const matrix = emptyMatrix(format, [ROWS, COLUMNS]);
  const seconds = [() => repack(source, matrix), () => decode(source, out), () => void widened(matrix)].map(
    best,
  );
  const bytes = [COUNT * bits / 8, 4 * COUNT, 4 * COUNT];
  console.log(type.padEnd(7), ...seconds.map((s, i) => rate(s, bytes[i])));
}
