/**
 * The types that are encoded here: millions of numbers a second by our encoders on one thread and on all, and by ggml's on one thread
 * (`lamina ggml`), without importance and with it.
 *
 *     deno run -A tests/bench/encode_bench.ts
 */
import { encodeInThreads } from "core/weights/mod.ts";
import { encodeBlocks, plainTypes, roomFor } from "core/weights/blocks/encode.ts";
import { encoded, openGgml } from "../ggml.ts";

const COLUMNS = 1024, ROWS = 1024; // 4 MB of floats, as a small layer's matrix
const COUNT = ROWS * COLUMNS;
const ROUNDS = 3;

const numbers = Float32Array.from({ length: COUNT }, (_, i) => {
  const wave = ((Math.imul(i + 1, 0x9e3779b1) >>> 8 & 0xffff) - 32768) / 65536;
  return wave * wave * wave;
});
const importance = Float32Array.from({ length: COLUMNS }, (_, column) => 1 + column % 7);
const ggml = openGgml();

async function rate(work: () => unknown): Promise<string> {
  let seconds = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    await work();
    seconds = Math.min(seconds, (performance.now() - begin) / 1000);
  }
  return (COUNT / seconds / 1e6).toFixed(1).padStart(12);
}

console.log(`Million numbers a second, best of ${ROUNDS} × ${COUNT} numbers`);
console.log("type    importance      ours        ggml as rounded here");
for (const type of plainTypes) {
  for (const own of [null, importance]) {
    const out = roomFor(type, numbers, COLUMNS, { importance: own });
    const rates = [
      await rate(() => encodeBlocks(type, numbers, COLUMNS, out, own)),
      ggml ? await rate(() => encoded(ggml, type, numbers, COLUMNS, own)) : "–".padStart(12),
      await rate(() => encodeInThreads(type, numbers, COLUMNS, { importance: own })),
    ];
    console.log(type.padEnd(7), (own ? "with" : "without").padEnd(7), ...rates);
  }
}
Deno.exit(); // threads wait for more
