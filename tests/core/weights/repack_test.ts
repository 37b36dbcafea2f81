/** Blocks of GGML as matrices in blocks, and decoded by several threads: widened, they have ggml's own bits (tests/fixtures/make_ggml.ts), those of −0 included. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { widened } from "core/tensor/mod.ts";
import { type BlockType, blockTypes } from "core/weights/blocks/types.ts";
import { openDecoders } from "core/weights/blocks/decoders.ts";
import type { Repacked } from "core/weights/blocks/repack4.ts";
import known from "../../fixtures/ggml.json" with { type: "json" };
import { anyBlocks, bitsOf, hashOf } from "../../ggml.ts";
import { bits } from "../tensor/bits.ts";
import { printed } from "../../tools.ts";

/** Arrays for a number of values in blocks, in the middle of longer ones. */
function room({ format: { bits, size, hasOffsets } }: BlockType, values: number): Repacked {
  const floats = () => new Float32Array(values / size + 2).fill(7).subarray(1, -1);
  const quants = new Uint8Array(values * bits / 8 + 8).fill(7).subarray(4, -4);
  return { quants, scales: floats(), offsets: hasOffsets ? floats() : null };
}

for (const [type, { any }] of Object.entries(known)) {
  Deno.test(`${type}: blocks of any bytes, with scales at the edges of float16, are read and repacked as ggml reads them`, () => {
    const { blockElements, blockBytes, decode, repack, format } = blockTypes[type];
    const source = anyBlocks(type), values = source.length / blockBytes * blockElements;
    const decoded = new Float32Array(values);
    decode(source, decoded);
    assert.equal(hashOf(bitsOf(decoded)), any);
    const matrix = {
      ...format,
      shape: [1, values] as const,
      zeros: format.zero,
      ...room(blockTypes[type], values),
    };
    repack(source, matrix);
    assert.deepEqual(bitsOf(widened(matrix).data as Float32Array), bitsOf(decoded));
    for (const array of [matrix.quants, matrix.scales, matrix.offsets]) {
      if (!array) continue;
      const whole = new Uint8Array(array.buffer), around = [...whole.slice(0, 4), ...whole.slice(-4)];
      const seven = array instanceof Uint8Array ? new Uint8Array(8).fill(7) : Float32Array.of(7, 7);
      assert.deepEqual(around, [...new Uint8Array(seven.buffer)], "nothing is written beside an array");
    }
    for (const count of [0, 1, 2, 37]) { // at an odd place of memory
      const odd = new Uint8Array(1 + count * blockBytes), found = new Float32Array(count * blockElements);
      odd.set(source.subarray(0, count * blockBytes), 1);
      decode(odd.subarray(1), found);
      assert.deepEqual(bitsOf(found), bitsOf(decoded.slice(0, found.length)));
      const [one, even] = [0, 1].map(() => room(blockTypes[type], found.length));
      repack(odd.subarray(1), one);
      repack(odd.slice(1), even);
      assert.deepEqual(everything(one), everything(even));
    }
  });
}

/** Bytes of so many blocks; every pattern of a half has its turn, those that are not finite too. */
function sourceOf(blocks: number, blockBytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: blocks * blockBytes }, (_, i) => (i * 167 + (i >> 8) * 59) & 255);
}

/** The bytes of all arrays, those beside them too. */
function everything(arrays: Repacked): Uint8Array[] {
  return Object.values(arrays).flatMap((array) => array ? [new Uint8Array(array.buffer)] : []);
}

const { Q4_K } = blockTypes;
const COUNT = 5_000;

/** Threads of all types, which start here. */
const decoders = openDecoders(Infinity, { count: 3, worthSharing: 1 });
await decoders.decode("Q4_K", Q4_K, sourceOf(1, Q4_K.blockBytes), new Float32Array(Q4_K.blockElements));

for (const [type, blocks] of Object.entries(blockTypes)) {
  for (const count of [1, 2, 37]) {
    Deno.test(`${type}: ${count} blocks by three threads`, async () => {
      const source = sourceOf(count, blocks.blockBytes);
      const expected = new Float32Array(count * blocks.blockElements);
      blocks.decode(source, expected);
      const padded = new Float32Array(expected.length + 2).fill(7);
      await decoders.decode(type, blocks, source, padded.subarray(1, -1));
      assert.deepEqual(bits(padded.subarray(1, -1)), bits(expected));
      assert.deepEqual([padded[0], padded.at(-1)], [7, 7], "nothing is written beside it");
      const [one, three] = [1, 3].map(() => room(blocks, expected.length));
      blocks.repack(source, one);
      await decoders.repack(type, source, three);
      assert.deepEqual(everything(three), everything(one));
    });
  }
}

Deno.test("tensors that are decoded at the same time do not mix; what is begun is finished after a close", async () => {
  const decoders = openDecoders(Infinity, { count: 2, worthSharing: 1 });
  for (let round = 0; round < 2; round++) {
    const sources = [0, 1, 2].map((i) => sourceOf(COUNT, Q4_K.blockBytes).map((byte) => byte ^ i));
    const found = sources.map(() => new Float32Array(COUNT * Q4_K.blockElements));
    const decoding = sources.map((source, i) => decoders.decode("Q4_K", Q4_K, source, found[i]));
    decoders.close();
    await Promise.all(decoding);
    for (const [i, source] of sources.entries()) {
      const expected = new Float32Array(COUNT * Q4_K.blockElements);
      Q4_K.decode(source, expected);
      assert.deepEqual(bits(found[i]), bits(expected));
    }
  }
});

Deno.test({
  name: "where foreign memory may not be used, this thread decodes",
  permissions: { ffi: false },
  async fn() {
    const decoders = openDecoders(Infinity, { count: 2, worthSharing: 1 });
    const source = sourceOf(2, Q4_K.blockBytes);
    const [found, expected] = [0, 1].map(() => new Float32Array(512));
    Q4_K.decode(source, expected);
    await decoders.decode("Q4_K", Q4_K, source, found);
    assert.deepEqual(bits(found), bits(expected));
    const [matrix, same] = [0, 1].map(() => room(Q4_K, 512));
    Q4_K.repack(source, same);
    await decoders.repack("Q4_K", source, matrix);
    assert.deepEqual(everything(matrix), everything(same));
  },
});

Deno.test("threads that nobody closes do not keep a program from its end", async () => {
  const code = `
    import { openDecoders } from "${new URL(
    "../../../src/core/weights/blocks/decoders.ts",
    import.meta.url,
  )}";
    import { blockTypes } from "${new URL("../../../src/core/weights/blocks/types.ts", import.meta.url)}";
    const out = new Float32Array(512);
    await openDecoders(Infinity, { count: 2, worthSharing: 1 }).decode("Q4_K", blockTypes.Q4_K, new Uint8Array(288), out);
    console.log(out[0]);`;
  const args = ["eval", "--config", fileURLToPath(new URL("../../../deno.json", import.meta.url)), code];
  const out = await printed(Deno.execPath(), args, { signal: AbortSignal.timeout(60_000) });
  assert.equal(out.trim(), "0");
});
