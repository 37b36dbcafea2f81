/**
 * Values of GGUF metadata.
 *
 * Numbers are JavaScript numbers; a 64-bit integer that float64 cannot hold is a bigint. Arrays of numbers are typed
 * arrays; arrays of strings, booleans and arrays are plain ones.
 */
import { malformed, outOfRange, quote } from "../errors.ts";
import type { Cursor } from "./cursor.ts";
import { MAX_GGUF_LIST, MAX_GGUF_NESTING } from "../limits.ts";

/** One value of the metadata. */
export type GgufValue = number | bigint | string | boolean | GgufNumbers | readonly GgufValue[];

/** An array of numbers, in its stored type. */
export type GgufNumbers =
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

interface NumberType {
  readonly bytes: number;
  get(view: DataView, offset: number): number | bigint;
  array(bytes: ArrayBuffer): GgufNumbers;
}

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

/** Number in the file → type. Source: `gguf_metadata_value_type` in ggml's gguf.md. */
const numberTypes: ReadonlyMap<number, NumberType> = new Map<number, NumberType>([
  [0, { bytes: 1, get: (view, at) => view.getUint8(at), array: (bytes) => new Uint8Array(bytes) }],
  [1, { bytes: 1, get: (view, at) => view.getInt8(at), array: (bytes) => new Int8Array(bytes) }],
  [2, { bytes: 2, get: (view, at) => view.getUint16(at, true), array: (bytes) => new Uint16Array(bytes) }],
  [3, { bytes: 2, get: (view, at) => view.getInt16(at, true), array: (bytes) => new Int16Array(bytes) }],
  [4, { bytes: 4, get: (view, at) => view.getUint32(at, true), array: (bytes) => new Uint32Array(bytes) }],
  [5, { bytes: 4, get: (view, at) => view.getInt32(at, true), array: (bytes) => new Int32Array(bytes) }],
  [6, { bytes: 4, get: (view, at) => view.getFloat32(at, true), array: (bytes) => new Float32Array(bytes) }],
  [10, {
    bytes: 8,
    get: (view, at) => narrow(view.getBigUint64(at, true)),
    array: (bytes) => new BigUint64Array(bytes),
  }],
  [11, {
    bytes: 8,
    get: (view, at) => narrow(view.getBigInt64(at, true)),
    array: (bytes) => new BigInt64Array(bytes),
  }],
  [12, { bytes: 8, get: (view, at) => view.getFloat64(at, true), array: (bytes) => new Float64Array(bytes) }],
]);

function narrow(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** The value at the cursor, its type number first. `key` names it in the errors of file `name`. */
export function readValue(name: string, cursor: Cursor, key: string): GgufValue {
  const what = `value of ${quote(key)}`;
  return readTyped(name, cursor, what, cursor.u32(`type of ${what}`), 0);
}

function readTyped(name: string, cursor: Cursor, what: string, type: number, depth: number): GgufValue {
  const numbers = numberTypes.get(type);
  if (numbers) return numbers.get(cursor.view, cursor.skip(numbers.bytes, what));
  if (type === STRING) return cursor.string(what);
  if (type === BOOL) return readBool(name, cursor, what);
  if (type === ARRAY) return readArray(name, cursor, what, depth + 1);
  throw malformed(name, `${what} has type ${type}`, "a type from 0 to 12");
}

function readBool(name: string, cursor: Cursor, what: string): boolean {
  const byte = cursor.view.getUint8(cursor.skip(1, what));
  if (byte > 1) throw malformed(name, `${what} is a boolean with value ${byte}`, "0 or 1");
  return byte === 1;
}

function readArray(name: string, cursor: Cursor, what: string, depth: number): GgufValue {
  if (depth > MAX_GGUF_NESTING) {
    throw outOfRange(name, `${what} nests ${depth} arrays deep`, `at most ${MAX_GGUF_NESTING}`);
  }
  const type = cursor.u32(`element type of ${what}`);
  const numbers = numberTypes.get(type);
  const count = cursor.count(`element count of ${what}`, numbers?.bytes ?? leastBytes(type));
  if (numbers) {
    const { buffer, byteOffset } = cursor.view;
    const start = byteOffset + cursor.skip(count * numbers.bytes, what);
    return numbers.array(buffer.slice(start, start + count * numbers.bytes));
  }
  if (count > MAX_GGUF_LIST) {
    throw outOfRange(name, `element count of ${what} ${count}`, `at most ${MAX_GGUF_LIST}`);
  }
  const values: GgufValue[] = []; // grows as the file proves that it has them
  for (let i = 0; i < count; i++) values.push(readTyped(name, cursor, what, type, depth));
  return values;
}

/** The fewest bytes an element can have: a string its length, an array its type and count. */
function leastBytes(type: number): number {
  return type === STRING ? 8 : type === ARRAY ? 12 : 1;
}
