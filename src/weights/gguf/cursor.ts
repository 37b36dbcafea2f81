/**
 * A position in a GGUF header, little-endian, checked against the file's size at every step.
 *
 * The header's length is not written anywhere, so a file that is read (not mapped) gives a prefix first. A step past
 * the prefix but inside the file throws `PrefixTooShort`, and the caller comes back with a longer one.
 */
import { malformed, MAX_GGUF_HEADER_BYTES, outOfRange } from "../limits.ts";

/** More of the file is needed than has been read. Never leaves this room. */
export class PrefixTooShort extends Error {}

/** Reads one header from its start to its end. `what` names a value in errors. */
export interface Cursor {
  readonly offset: number;
  /** Moves past `bytes` bytes and gives where they start. Throws `SyntaxError` where the file ends before. */
  skip(bytes: number, what: string): number;
  u32(what: string): number;
  /** A 64-bit number that has to be exact in float64. Throws `RangeError` from 2^53 on. */
  u64(what: string): number;
  /** A 64-bit count of things of at least `bytesEach` bytes, which the rest of the file has room for. */
  count(what: string, bytesEach: number): number;
  /** A UTF-8 string: u64 length, bytes. */
  string(what: string, maxBytes?: number): string;
  /** The bytes read so far, from the file's start. */
  readonly view: DataView<ArrayBuffer>;
  /** Errors about the file: bytes that are not what the format says, and counts, lengths or offsets out of bounds. */
  malformed(found: string, expected: string): SyntaxError;
  outOfRange(found: string, expected: string): RangeError;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A cursor at the start of the file `name` of `size` bytes, of which `prefix` has been read. */
export function cursor(name: string, size: number, prefix: Uint8Array<ArrayBuffer>): Cursor {
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.length);
  const wrong = (found: string, expected: string) => malformed(name, found, expected);
  const beyond = (found: string, expected: string) => outOfRange(name, found, expected);
  let offset = 0;

  function skip(bytes: number, what: string): number {
    if (bytes > size - offset) {
      throw wrong(`${what} at byte ${offset} runs past the end of ${size} bytes`, "a complete file");
    }
    if (offset + bytes > MAX_GGUF_HEADER_BYTES) {
      throw beyond(`${what} ends at byte ${offset + bytes}`, `a header of at most ${MAX_GGUF_HEADER_BYTES}`);
    }
    if (bytes > prefix.length - offset) throw new PrefixTooShort();
    offset += bytes;
    return offset - bytes;
  }
  function u64(what: string): number {
    const value = view.getBigUint64(skip(8, what), true);
    if (value > Number.MAX_SAFE_INTEGER) throw beyond(`${what} ${value}`, "less than 2^53");
    return Number(value);
  }
  function count(what: string, bytesEach: number): number {
    const value = u64(what);
    if (value * bytesEach > size - offset) {
      const most = Math.floor((size - offset) / bytesEach);
      throw beyond(`${what} ${value}`, `at most ${most} in the rest of the file`);
    }
    return value;
  }
  return {
    get offset() {
      return offset;
    },
    view,
    malformed: wrong,
    outOfRange: beyond,
    skip,
    u32: (what) => view.getUint32(skip(4, what), true),
    u64,
    count,
    string(what, maxBytes = Infinity) {
      const length = count(`length of ${what}`, 1);
      if (length > maxBytes) throw beyond(`length of ${what} ${length}`, `at most ${maxBytes} bytes`);
      const start = skip(length, what);
      try {
        return utf8.decode(prefix.subarray(start, start + length));
      } catch {
        throw wrong(`${what} at byte ${start} is not valid UTF-8`, "UTF-8");
      }
    },
  };
}
