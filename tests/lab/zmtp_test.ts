/** ZeroMQ's protocol on the wire, however the network cuts it. Real sockets are in tests/notebooks/run_all_test.ts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { encode, introduction, messagesOf } from "../../src/lab/zmtp.ts";

const bytesOf = (hex: string) => new Uint8Array(hex.split(" ").map((byte) => parseInt(byte, 16)));

/** What arrives of bytes that come in chunks which end at `cuts`. */
async function read(bytes: Uint8Array, cuts: readonly number[]) {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const chunks = ends.map((end, i) => bytes.slice(i === 0 ? 0 : ends[i - 1], end));
  const passed: number[] = [];
  const messages: number[][][] = [];
  const whole: number[] = [];
  for await (const message of messagesOf(ReadableStream.from(chunks), (part) => void passed.push(...part))) {
    messages.push(message.frames.map((frame) => [...frame]));
    whole.push(...message.bytes);
  }
  return { passed, messages, whole };
}

Deno.test("frames are those of the specification: short, long, with more to come", () => {
  assert.deepEqual(encode([bytesOf("61"), new Uint8Array()]), bytesOf("01 01 61 00 00"));
  const long = encode([new Uint8Array(256)]);
  assert.deepEqual(long.slice(0, 9), bytesOf("02 00 00 00 00 00 00 01 00"));
  assert.equal(long.length, 265);
  assert.equal(encode([new Uint8Array(255)]).length, 257);
});

Deno.test("a socket introduces itself as the specification has it", () => {
  const said = introduction("DEALER");
  assert.deepEqual(said.slice(0, 16), bytesOf("ff 00 00 00 00 00 00 00 01 7f 03 00 4e 55 4c 4c"));
  assert.deepEqual(said.slice(16, 64), new Uint8Array(48));
  assert.deepEqual(said.slice(64, 72), bytesOf("04 1c 05 52 45 41 44 59")); // a command of 28 bytes, READY
  assert.deepEqual(new TextDecoder().decode(said.slice(72)), "\x0bSocket-Type\0\0\0\x06DEALER");
});

Deno.test("messages arrive whole and unchanged wherever they are cut; greeting and commands pass by", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.array(
          fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 250, maxLength: 70_000 })),
          { minLength: 1, maxLength: 4 },
        ),
        { maxLength: 4 },
      ),
      fc.array(fc.nat(), { maxLength: 30 }),
      async (messages, cuts) => {
        const hello = introduction("DEALER");
        const sent = messages.map((frames) => encode(frames));
        const { passed, messages: read_, whole } = await read(
          new Uint8Array([...hello, ...sent.flatMap((part) => [...part])]),
          cuts,
        );
        assert.deepEqual(passed, [...hello]);
        assert.deepEqual(read_, messages.map((frames) => frames.map((frame) => [...frame])));
        assert.deepEqual(whole, sent.flatMap((part) => [...part]));
      },
    ),
    { numRuns: 50 },
  ));

Deno.test("the greeting passes in the pieces that it comes in, and half a message does not", async () => {
  const pieces: number[] = [];
  const sent = new Uint8Array([...introduction("DEALER"), ...encode([new Uint8Array(9)]).slice(0, -1)]);
  const chunks = [sent.slice(0, 10), sent.slice(10, 11), sent.slice(11)];
  for await (const _ of messagesOf(ReadableStream.from(chunks), ({ length }) => void pieces.push(length))) {
    assert.fail();
  }
  assert.deepEqual(pieces, [10, 1, 53, 30]);
});
