/**
 * ZeroMQ's protocol on the wire, ZMTP 3 (rfc.zeromq.org/spec/23), as far as a relay needs it: where a message ends. A
 * connection begins with a greeting of 64 bytes from either side; frames follow, each with a byte of flags and its length.
 */
import { joinBytes } from "core/entry/mod.ts";

const GREETING = 64; // bytes
const MORE = 1, LONG = 2, COMMAND = 4; // flags of a frame: another one follows, eight bytes of length, not a message

/** A message: its frames, and all its bytes as they travel. */
export type Message = { readonly frames: readonly Uint8Array[]; readonly bytes: Uint8Array<ArrayBuffer> };

/** Yields the messages of a connection. The greeting and the sockets' commands go to `pass`. */
export async function* messagesOf(
  connection: ReadableStream<Uint8Array>,
  pass: (bytes: Uint8Array<ArrayBuffer>, isCommand: boolean) => void,
): AsyncGenerator<Message> {
  const held = new Pile();
  let greeting = GREETING;
  for await (const chunk of connection) {
    // Either side waits for the other's first bytes before it sends its last ones.
    const greeted = chunk.slice(0, greeting);
    if (greeted.length > 0) pass(greeted, false);
    greeting -= greeted.length;
    held.push(chunk.subarray(greeted.length));
    for (let length = wholeLength(held.bytes); length > 0; length = wholeLength(held.bytes)) {
      const bytes = held.take(length);
      if (bytes[0] & COMMAND) pass(bytes, true);
      else yield { frames: framesOf(bytes), bytes };
    }
  }
}

/** A message of these frames as it travels. */
export function encode(frames: readonly Uint8Array[], flags = 0): Uint8Array<ArrayBuffer> {
  const heads = frames.map((frame, i) => head(frame.length, flags | (i < frames.length - 1 ? MORE : 0)));
  return joinBytes(frames.flatMap((frame, i) => [heads[i], frame]));
}

/** The first bytes of a client's socket: that it needs no secrets, and its type. */
export function introduction(type: string): Uint8Array<ArrayBuffer> {
  const greeting = new Uint8Array(GREETING);
  greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]); // signature, version 3.0
  greeting.set(text("NULL"), 12);
  const property = [...short("Socket-Type"), 0, 0, 0, ...short(type)];
  return joinBytes([greeting, encode([new Uint8Array([...short("READY"), ...property])], COMMAND)]);
}

const text = (words: string) => new TextEncoder().encode(words);
const short = (words: string) => [words.length, ...text(words)];

/** Flags and length of a frame. */
function head(length: number, flags: number): Uint8Array {
  if (length < 256) return new Uint8Array([flags, length]);
  const bytes = new Uint8Array(9);
  bytes[0] = flags | LONG;
  new DataView(bytes.buffer).setBigUint64(1, BigInt(length));
  return bytes;
}

/** Where the frame that begins at `start` has its body; null where its head has not arrived. */
function frameAt(bytes: Uint8Array, start: number): { flags: number; from: number; to: number } | null {
  const flags = bytes[start];
  const from = start + (flags & LONG ? 9 : 2);
  if (bytes.length < from) return null;
  const length = flags & LONG
    ? Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(start + 1))
    : bytes[start + 1];
  return { flags, from, to: from + length };
}

/** Bytes of the first message or command; 0 where it is not whole. */
function wholeLength(bytes: Uint8Array): number {
  let end = 0;
  while (end < bytes.length) {
    const frame = frameAt(bytes, end);
    if (!frame || frame.to > bytes.length) return 0;
    end = frame.to;
    if (!(frame.flags & MORE)) return end;
  }
  return 0;
}

function framesOf(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const { from, to } = frameAt(bytes, start)!;
    frames.push(bytes.subarray(from, to));
    start = to;
  }
  return frames;
}

/** Bytes that wait for more; they are copied once in a while, not with every chunk. */
class Pile {
  #buffer = new Uint8Array(1 << 16);
  #from = 0;
  #to = 0;

  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#from, this.#to);
  }

  push(chunk: Uint8Array): void {
    const { bytes } = this;
    if (this.#to + chunk.length > this.#buffer.length) {
      const wanted = bytes.length + chunk.length;
      const buffer = wanted * 2 > this.#buffer.length ? new Uint8Array(wanted * 2) : this.#buffer;
      buffer.set(bytes);
      [this.#buffer, this.#from, this.#to] = [buffer, 0, bytes.length];
    }
    this.#buffer.set(chunk, this.#to);
    this.#to += chunk.length;
  }

  /** Removes the first bytes and gives them. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#buffer.slice(this.#from, this.#from + length);
    this.#from += length;
    return bytes;
  }
}
