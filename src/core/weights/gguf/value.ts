/**
 * A GGUF header, little-endian: a position in it, and the values of its metadata.
 *
 * Every step is checked against the file's size. The header's length is not written anywhere, so a file that is read (not mapped)
 * gives a prefix first. A step past the prefix but inside the file throws `PrefixTooShort`, and the caller comes back with a longer
 * one.
 *
 * Numbers are JavaScript numbers; a 64-bit integer that float64 cannot hold is a bigint. Arrays of numbers are typed arrays; arrays of
 * strings, booleans and arrays are plain ones.
 */
import * as limits from "../limits.ts";
import { malformed, outOfRange, quote } from "../limits.ts";

/** More of the file is needed than has been read. Never leaves this room. */
export class PrefixTooShort extends Error {}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads one header from its start to its end. `what` names a value in errors. */
export type Cursor = ReturnType<typeof cursor>;

/** A cursor at the start of the file `name` of `size` bytes, of which `prefix` has been read. */
export function cursor(name: string, size: number, prefix: Uint8Array<ArrayBuffer>) {
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.length);
  const wrong = (found: string, expected: string) => malformed(name, found, expected);
  const beyond = (found: string, expected: string) => outOfRange(name, found, expected);
  let offset = 0;

  /** Moves past `bytes` bytes and gives where they start. Throws `SyntaxError` where the file ends before. */
  function skip(bytes: number, what: string): number {
    if (bytes > size - offset) {
      throw wrong(`${what} at byte ${offset} runs past the end of ${size} bytes`, "a complete file");
    }
    if (offset + bytes > limits.MAX_GGUF_HEADER_BYTES) {
      throw beyond(
        `${what} ends at byte ${offset + bytes}`,
        `a header of at most ${limits.MAX_GGUF_HEADER_BYTES}`,
      );
    }
    if (bytes > prefix.length - offset) throw new PrefixTooShort();
    offset += bytes;
    return offset - bytes;
  }
  /** A 64-bit number that has to be exact in float64. Throws `RangeError` from 2^53 on. */
  function u64(what: string): number {
    const value = view.getBigUint64(skip(8, what), true);
    if (value > Number.MAX_SAFE_INTEGER) throw beyond(`${what} ${value}`, "less than 2^53");
    return Number(value);
  }
  /** A 64-bit count of things of at least `bytesEach` bytes, which the rest of the file has room for. */
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
    u32: (what: string) => view.getUint32(skip(4, what), true),
    u64,
    count,
    /** A UTF-8 string: u64 length, bytes. */
    string(what: string, maxBytes = Infinity): string {
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

export type GgufValue = number | bigint | string | boolean | GgufNumbers | readonly GgufValue[];

/** An array of numbers, in its stored type. */
type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

type NumbersOf = { new (bytes: ArrayBuffer): GgufNumbers; readonly BYTES_PER_ELEMENT: number };

const numbers = (List: NumbersOf, getter: Extract<keyof DataView, `get${string}`>) => ({
  bytes: List.BYTES_PER_ELEMENT,
  get: (view: DataView, at: number): number | bigint => narrow(view[getter](at, true)),
  array: (bytes: ArrayBuffer) => new List(bytes),
});

/** Number in the file → type. Source: `gguf_metadata_value_type` in ggml's gguf.md. */
const numberTypes: ReadonlyMap<number, ReturnType<typeof numbers>> = new Map([
  [0, numbers(Uint8Array, "getUint8")],
  [1, numbers(Int8Array, "getInt8")],
  [2, numbers(Uint16Array, "getUint16")],
  [3, numbers(Int16Array, "getInt16")],
  [4, numbers(Uint32Array, "getUint32")],
  [5, numbers(Int32Array, "getInt32")],
  [6, numbers(Float32Array, "getFloat32")],
  [10, numbers(BigUint64Array, "getBigUint64")],
  [11, numbers(BigInt64Array, "getBigInt64")],
  [12, numbers(Float64Array, "getFloat64")],
]);

function narrow(value: number | bigint): number | bigint {
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** The value at the cursor, its type number first. `key` names it in errors. */
export function readValue(cursor: Cursor, key: string): GgufValue {
  const what = `value of ${quote(key)}`;
  return readTyped(cursor, what, cursor.u32(`type of ${what}`), 0);
}

function readTyped(cursor: Cursor, what: string, type: number, depth: number): GgufValue {
  const numbers = numberTypes.get(type);
  if (numbers) return numbers.get(cursor.view, cursor.skip(numbers.bytes, what));
  if (type === STRING) return cursor.string(what);
  if (type === BOOL) {
    const byte = cursor.view.getUint8(cursor.skip(1, what));
    if (byte > 1) throw cursor.malformed(`${what} is a boolean with value ${byte}`, "0 or 1");
    return byte === 1;
  }
  if (type === ARRAY) return readArray(cursor, what, depth + 1);
  throw cursor.malformed(`${what} has type ${type}`, "a type from 0 to 12");
}

function readArray(cursor: Cursor, what: string, depth: number): GgufValue {
  if (depth > limits.MAX_GGUF_NESTING) {
    throw cursor.outOfRange(`${what} nests ${depth} arrays deep`, `at most ${limits.MAX_GGUF_NESTING}`);
  }
  const type = cursor.u32(`element type of ${what}`);
  const numbers = numberTypes.get(type);
  // The fewest bytes an element can have: a string its length, an array its type and count.
  const least = numbers?.bytes ?? (type === STRING ? 8 : type === ARRAY ? 12 : 1);
  const count = cursor.count(`element count of ${what}`, least);
  if (numbers) {
    const { buffer, byteOffset } = cursor.view;
    const start = byteOffset + cursor.skip(count * numbers.bytes, what);
    return numbers.array(buffer.slice(start, start + count * numbers.bytes));
  }
  if (count > limits.MAX_GGUF_LIST) {
    throw cursor.outOfRange(`element count of ${what} ${count}`, `at most ${limits.MAX_GGUF_LIST}`);
  }
  const values: GgufValue[] = []; // grows as the file proves that it has them
  for (let i = 0; i < count; i++) values.push(readTyped(cursor, what, type, depth));
  return values;
}
