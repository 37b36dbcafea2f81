/**
 * Values of GGUF metadata.
 *
 * Numbers are JavaScript numbers; a 64-bit integer that float64 cannot hold is a bigint. Arrays of numbers are typed
 * arrays; arrays of strings, booleans and arrays are plain ones.
 */
import { MAX_GGUF_LIST, MAX_GGUF_NESTING, quote } from "../limits.ts";
import type { Cursor } from "./cursor.ts";

/** One value of the metadata. */
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

interface NumberType {
  readonly bytes: number;
  get(view: DataView, offset: number): number | bigint;
  array(bytes: ArrayBuffer): GgufNumbers;
}

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

type NumbersOf = { new (bytes: ArrayBuffer): GgufNumbers; readonly BYTES_PER_ELEMENT: number };

const numbers = (List: NumbersOf, getter: Extract<keyof DataView, `get${string}`>): NumberType => ({
  bytes: List.BYTES_PER_ELEMENT,
  get: (view, at) => narrow(view[getter](at, true)),
  array: (bytes) => new List(bytes),
});

/** Number in the file → type. Source: `gguf_metadata_value_type` in ggml's gguf.md. */
const numberTypes: ReadonlyMap<number, NumberType> = new Map([
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
  if (type === BOOL) return readBool(cursor, what);
  if (type === ARRAY) return readArray(cursor, what, depth + 1);
  throw cursor.malformed(`${what} has type ${type}`, "a type from 0 to 12");
}

function readBool(cursor: Cursor, what: string): boolean {
  const byte = cursor.view.getUint8(cursor.skip(1, what));
  if (byte > 1) throw cursor.malformed(`${what} is a boolean with value ${byte}`, "0 or 1");
  return byte === 1;
}

function readArray(cursor: Cursor, what: string, depth: number): GgufValue {
  if (depth > MAX_GGUF_NESTING) {
    throw cursor.outOfRange(`${what} nests ${depth} arrays deep`, `at most ${MAX_GGUF_NESTING}`);
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
    throw cursor.outOfRange(`element count of ${what} ${count}`, `at most ${MAX_GGUF_LIST}`);
  }
  const values: GgufValue[] = []; // grows as the file proves that it has them
  for (let i = 0; i < count; i++) values.push(readTyped(cursor, what, type, depth));
  return values;
}

/** The fewest bytes an element can have: a string its length, an array its type and count. */
function leastBytes(type: number): number {
  return type === STRING ? 8 : type === ARRAY ? 12 : 1;
}
