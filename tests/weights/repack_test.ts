/** Blocks of GGML as matrices in blocks, and decoded by several threads: widened, they have the reference's bits, those of −0 included. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { closed } from "../../src/entry/mod.ts";
import { fileSource } from "../../src/hub/mod.ts";
import { philox, widened } from "../../src/tensor/mod.ts";
import { type BlockType, blockTypes } from "../../src/weights/blocks/types.ts";
import { openGguf, openSafetensors } from "../../src/weights/mod.ts";
import { openDecoders } from "../../src/weights/blocks/decoders.ts";
import type { Repacked } from "../../src/weights/blocks/repack4.ts";
import { bits } from "../tensor/bits.ts";
import { printed } from "../tools.ts";
import { folder } from "./build.ts";
import { decoders as reference } from "./reference.ts";

const PATH = fileURLToPath(new URL("../fixtures/gguf/types", import.meta.url));

/** Byte offsets of the float16 scales in one block. */
const SCALES: Readonly<Record<string, readonly number[]>> = {
  ...{ Q4_0: [0], Q4_1: [0, 2], Q5_0: [0], Q5_1: [0, 2], Q8_0: [0], Q2_K: [80, 82], Q3_K: [108] },
  ...{ Q4_K: [0, 2], Q5_K: [0, 2], Q6_K: [208], IQ4_NL: [0], IQ4_XS: [0], MXFP4: [] },
};

/** Float16: zeros, the least and the greatest subnormal, the greatest number, infinities, and a NaN. */
const EDGES = [0, 0x8000, 1, 0x8001, 0x3ff, 0x83ff, 0x3c00, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00];

/** Bytes of the stream with that seed. */
function randomBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = Array.from({ length: Math.ceil(length / 16) }, (_, i) => philox([i, 0, 0, 0], [seed, 0]));
  return new Uint8Array(Uint32Array.from(words.flat()).buffer, 0, length);
}

/** Arrays for a number of values in blocks, in the middle of longer ones. */
function room({ format: { bits, size, hasOffsets } }: BlockType, values: number): Repacked {
  const floats = () => new Float32Array(values / size + 2).fill(7).subarray(1, -1);
  const quants = new Uint8Array(values * bits / 8 + 8).fill(7).subarray(4, -4);
  return { quants, scales: floats(), offsets: hasOffsets ? floats() : null };
}

/** The bits of numbers, all NaN alike: their signs and payloads mean nothing. */
function bitsOf(values: Float32Array): Uint32Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return words.map((word, i) => Number.isNaN(values[i]) ? 0x7fc00000 : word);
}

function assertSame(type: string, source: Uint8Array<ArrayBuffer>): void {
  const { blockElements, blockBytes, decode, repack } = blockTypes[type];
  const [expected, decoded] = [0, 1].map(() => new Float32Array(source.length / blockBytes * blockElements));
  reference[type](source, expected);
  decode(source, decoded);
  assert.deepEqual(bitsOf(decoded), bitsOf(expected));
  const { bits, size, zero: zeros } = blockTypes[type].format;
  const shape = [1, expected.length] as const;
  const matrix = { bits, size, shape, zeros, ...room(blockTypes[type], expected.length) };
  repack(source, matrix);
  assert.deepEqual(bitsOf(widened(matrix).data as Float32Array), bitsOf(expected));
  for (const array of [matrix.quants, matrix.scales, matrix.offsets]) {
    if (!array) continue;
    const whole = new Uint8Array(array.buffer), around = [...whole.slice(0, 4), ...whole.slice(-4)];
    const seven = array instanceof Uint8Array ? new Uint8Array(8).fill(7) : Float32Array.of(7, 7);
    assert.deepEqual(around, [...new Uint8Array(seven.buffer)], "nothing is written beside an array");
  }
}

Deno.test("every type has a reference, but for the IQ types of points, which ggml_test.ts compares with ggml", () => {
  const compared = Object.keys(blockTypes).filter((type) => !/^IQ[123]/.test(type)).sort();
  assert.deepEqual(Object.keys(reference).sort(), compared);
  assert.deepEqual(Object.keys(SCALES).sort(), compared);
});

for (const type of Object.keys(reference)) {
  const { blockBytes } = blockTypes[type];
  Deno.test(`${type}: random blocks, also at an odd place of memory`, () => {
    for (const count of [0, 1, 2, 37, 400]) assertSame(type, randomBytes(count * blockBytes, count));
    for (const byte of [0, 0x0f, 0xf0, 0x80, 0xff]) assertSame(type, new Uint8Array(blockBytes).fill(byte));
    assertSame(type, randomBytes(5 * blockBytes + 1, 3).subarray(1));
  });

  Deno.test(`${type}: scales at the edges of float16, infinities and NaN`, () => {
    const [first, second] = SCALES[type];
    for (const [i, d] of EDGES.entries()) {
      const source = randomBytes(EDGES.length * blockBytes, i);
      const view = new DataView(source.buffer);
      for (const [j, other] of EDGES.entries()) {
        if (first !== undefined) view.setUint16(j * blockBytes + first, d, true);
        if (second !== undefined) view.setUint16(j * blockBytes + second, other, true);
      }
      assertSame(type, source);
    }
  });
}

Deno.test("MXFP4: every exponent, those that overflow too", () => {
  const { blockBytes } = blockTypes.MXFP4;
  const source = randomBytes(256 * blockBytes, 1);
  for (let exponent = 0; exponent < 256; exponent++) source[exponent * blockBytes] = exponent;
  assertSame("MXFP4", source);
});

Deno.test("a file's blocks are the numbers of Python's gguf, bit for bit", async () => {
  const bytes = await Deno.readFile(`${PATH}.safetensors`);
  const expected = await openSafetensors(folder({ "model.safetensors": bytes }));
  using file = closed(await openGguf(await fileSource(`${PATH}.gguf`)));
  const seen = new Set<string>();
  for (const [name, { type, shape, blocks }] of file.tensors) {
    if (!blocks) continue;
    seen.add(type);
    const found = widened(await file.blocks!(name));
    assert.deepEqual(found.shape, shape);
    const words = new Uint32Array((found.data as Float32Array).buffer);
    const { data } = await expected.read(name);
    const own = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    assert.deepEqual(words, new Uint32Array(own));
  }
  assert.deepEqual([...seen].sort(), Object.keys(blockTypes).sort());
});

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
    import { openDecoders } from "${new URL("../../src/weights/blocks/decoders.ts", import.meta.url)}";
    import { blockTypes } from "${new URL("../../src/weights/blocks/types.ts", import.meta.url)}";
    const out = new Float32Array(512);
    await openDecoders(Infinity, { count: 2, worthSharing: 1 }).decode("Q4_K", blockTypes.Q4_K, new Uint8Array(288), out);
    console.log(out[0]);`;
  const args = ["eval", "--config", fileURLToPath(new URL("../../deno.json", import.meta.url)), code];
  const out = await printed(Deno.execPath(), args, { signal: AbortSignal.timeout(60_000) });
  assert.equal(out.trim(), "0");
});
