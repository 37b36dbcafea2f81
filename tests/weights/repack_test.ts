/** Blocks of GGML as matrices in blocks: widened, they have the decoder's bits, those of −0 included. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { fileSource } from "../../src/hub/mod.ts";
import { type BlockMatrix, philox, widened } from "../../src/tensor/mod.ts";
import { type Repacking, repackings } from "../../src/weights/blocks/repack.ts";
import { blockTypes } from "../../src/weights/blocks/types.ts";
import { openGguf, openSafetensors } from "../../src/weights/mod.ts";
import { folder } from "./build.ts";

const PATH = fileURLToPath(new URL("../fixtures/gguf/types", import.meta.url));

/** Byte offsets of the float16 scales in one block. */
const SCALES: Readonly<Record<string, readonly number[]>> = {
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ4_NL: [0],
  IQ4_XS: [0],
  MXFP4: [],
};

/** Float16: zeros, the least and the greatest subnormal, the greatest number, infinities, and a NaN. */
const EDGES = [0, 0x8000, 1, 0x8001, 0x3ff, 0x83ff, 0x3c00, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00];

/** Bytes of the stream with that seed. */
function randomBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = Array.from({ length: Math.ceil(length / 16) }, (_, i) => philox([i, 0, 0, 0], [seed, 0]));
  return new Uint8Array(Uint32Array.from(words.flat()).buffer, 0, length);
}

/** A matrix of one row for these numbers, its arrays in the middle of longer ones. */
function emptyMatrix({ bits, size, zero, hasOffsets }: Repacking, values: number): BlockMatrix {
  const floats = () => new Float32Array(values / size + 2).fill(7).subarray(1, -1);
  return {
    bits,
    size,
    shape: [1, values],
    quants: new Uint8Array(values * bits / 8 + 8).fill(7).subarray(4, -4),
    scales: floats(),
    zeros: zero,
    offsets: hasOffsets ? floats() : null,
  };
}

/** The bits of numbers, all NaN alike: their signs and payloads mean nothing. */
function bits(values: Float32Array): Uint32Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return words.map((word, i) => Number.isNaN(values[i]) ? 0x7fc00000 : word);
}

function assertSame(type: string, source: Uint8Array<ArrayBuffer>): void {
  const { blockElements, blockBytes, decode } = blockTypes[type];
  const expected = new Float32Array(source.length / blockBytes * blockElements);
  decode(source, expected);
  const matrix = emptyMatrix(repackings[type], expected.length);
  repackings[type].repack(source, matrix);
  assert.deepEqual(bits(widened(matrix).data as Float32Array), bits(expected));
  for (const array of [matrix.quants, matrix.scales, matrix.offsets]) {
    if (!array) continue;
    const whole = new Uint8Array(array.buffer), around = [...whole.slice(0, 4), ...whole.slice(-4)];
    const seven = array instanceof Uint8Array ? new Uint8Array(8).fill(7) : Float32Array.of(7, 7);
    assert.deepEqual(around, [...new Uint8Array(seven.buffer)], "nothing is written beside an array");
  }
}

Deno.test("every type that can be decoded can be repacked", () => {
  assert.deepEqual(Object.keys(repackings).sort(), Object.keys(blockTypes).sort());
  assert.deepEqual(Object.keys(SCALES).sort(), Object.keys(blockTypes).sort());
});

for (const [type, { blockBytes }] of Object.entries(blockTypes)) {
  Deno.test(`${type}: random blocks`, () => {
    for (const count of [0, 1, 2, 37, 400]) assertSame(type, randomBytes(count * blockBytes, count));
    for (const byte of [0, 0x0f, 0xf0, 0x80, 0xff]) assertSame(type, new Uint8Array(blockBytes).fill(byte));
  });

  Deno.test(`${type}: blocks at an odd place of memory`, () => {
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
  const expected = await openSafetensors(
    folder({ "model.safetensors": await Deno.readFile(`${PATH}.safetensors`) }),
  );
  const file = await openGguf(await fileSource(`${PATH}.gguf`));
  const seen = new Set<string>();
  for (const [name, { type, shape, blocks }] of file.tensors) {
    if (!blocks) continue;
    seen.add(type);
    const found = widened(await file.blocks!(name));
    assert.deepEqual(found.shape, shape);
    const words = new Uint32Array((found.data as Float32Array).buffer);
    const { data } = await expected.read(name);
    assert.deepEqual(
      words,
      new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)),
    );
  }
  assert.deepEqual([...seen].sort(), Object.keys(blockTypes).sort());
  file.close();
});
